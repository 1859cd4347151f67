// RFC 9420 §8.7, §11, §12.4: what a member sees of its group.
import { type Bytes, copied } from "../bytes.js";
import {
  type CachedProposal,
  type ClientConfig,
  type Epoch,
  type GroupState,
  needMember,
  type ResumedGroup,
} from "../group/index.js";
import { GroupBase } from "./group-base.js";
import type { Membership } from "./membership.js";

/** A group as one of its members sees it. Changes are those of {@link Group}. */
export abstract class MemberView extends GroupBase {
  readonly #own: Membership;

  constructor(own: Membership) {
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
  get resumes(): ResumedGroup | undefined {
    return copied(this.#own.state.resumes);
  }

  /**
   * Whether there is a commit to merge or clear: one that this client made as a member, or the external commit by which
   * it joins ({@link Client.joinByExternalCommit}).
   */
  get hasPendingCommit(): boolean {
    return this.#own.state.pending !== undefined;
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
