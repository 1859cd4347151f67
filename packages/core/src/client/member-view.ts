// RFC 9420 §8.7, §11, §12.4: what a member sees of its group.
import { type Bytes, copied, type Owned } from "../bytes.js";
import {
  type CachedProposal,
  type Candidate,
  type ClientConfig,
  type Epoch,
  type GroupState,
  needMember,
  ownCandidates,
  type ResumedGroup,
} from "../group/index.js";
import { GroupBase } from "./group-base.js";
import type { Membership } from "./membership.js";
import { StagedCommit } from "./staged-commit.js";

/** A group as one of its members sees it. Changes are those of {@link Group}. */
export abstract class MemberView extends GroupBase {
  readonly #own: Membership;
  readonly #handles = new WeakMap<Candidate["commit"], StagedCommit>();
  #staged: { of: readonly Candidate[]; list: readonly StagedCommit[] } | undefined;

  protected constructor(own: Membership) {
    super();
    this.#own = own;
  }

  protected get own(): Membership {
    return this.#own;
  }

  protected override get config(): ClientConfig {
    return this.#own.config;
  }

  protected override get current(): Epoch {
    return this.#own.state.current;
  }

  /** The index of this client's leaf. */
  get ownLeafIndex(): number {
    return this.current.keys.leafIndex;
  }

  /**
   * Whether this client can send: its external commit, if it joined by one, is merged, it wasn't removed, and the group
   * didn't end by ReInit and isn't closed.
   */
  get active(): boolean {
    return this.#own.state.status === "active";
  }

  /** The group that this one resumes (§11.2, §11.3), which was checked; `undefined` for other groups. */
  get resumes(): Owned<ResumedGroup> | undefined {
    return copied(this.#own.state.resumes);
  }

  /**
   * The commits of this epoch that were made here, or received by `Group.stage`, and neither merged nor discarded, in the
   * order in which they came; after a restore too. The same array as long as nothing changes.
   */
  get staged(): readonly StagedCommit[] {
    const { candidates: of } = this.#own.state;
    if (this.#staged?.of !== of) {
      const list = of.filter(({ discarded }) => !discarded).map((one) => this.stagedCommit(one));
      this.#staged = { of, list };
    }
    return this.#staged.list;
  }

  /** The same object for the same commit. */
  protected stagedCommit(one: Candidate): StagedCommit {
    let staged = this.#handles.get(one.commit);
    if (staged === undefined) {
      staged = new StagedCommit(this.#own, one);
      this.#handles.set(one.commit, staged);
    }
    return staged;
  }

  /**
   * Whether a commit of this client is staged: one that it made as a member, or the external commit by which it joins
   * ({@link Client.joinByExternalCommit}).
   */
  get hasPendingCommit(): boolean {
    return ownCandidates(this.#own.state.candidates).length > 0;
  }

  protected override get cached(): readonly CachedProposal[] {
    return this.#own.state.proposals;
  }

  protected override get ownLeaf(): number {
    return this.ownLeafIndex;
  }

  /**
   * §8.7: `Nh` bytes. Members compare them to check that they are in the same epoch. Don't tell non-members.
   * @throws MlsError `pending` before an external commit is merged; `removed`, `closed`: it was overwritten
   */
  get epochAuthenticator(): Bytes {
    needMember(this.#own.state);
    return this.current.secrets.epochAuthenticator.slice();
  }

  /** The state that a group which resumes this one is checked against. @internal */
  get predecessor(): GroupState {
    return this.#own.state;
  }
}
