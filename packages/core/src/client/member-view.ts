// RFC 9420 §8, §11, §12.4: what a member sees of its group, and takes out of it.
import { type Bytes, copied, type Owned } from "../bytes.js";
import {
  type CachedProposal,
  type Candidate,
  type ClientConfig,
  type Epoch,
  type EpochAccess,
  exporterSecretOf,
  type GroupState,
  needActive,
  needMember,
  ownCandidates,
  type ResumedGroup,
} from "../group/index.js";
import { groupInfoMessage } from "../group/join/index.js";
import type { GroupInfoOptions } from "../group/proposals/index.js";
import { answer, OPERATION, type OperationOptions } from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import type { Awaitable } from "../provider/index.js";
import { GroupBase } from "./group-base.js";
import { EXPORT, type ExportOptions, GROUP_INFO } from "./group-options.js";
import type { Membership } from "./membership.js";
import { StagedCommit } from "./staged-commit.js";

/** A group as one of its members sees it. Changes are those of {@link Group}. */
export abstract class MemberView extends GroupBase {
  readonly #own: Membership;
  #handles = new WeakMap<Candidate["commit"], StagedCommit>();

  protected constructor(own: Membership) {
    super();
    this.#own = own;
  }

  /** @internal */
  get own(): Membership {
    return this.#own;
  }

  protected override get config(): ClientConfig {
    return this.#own.config;
  }

  protected override get current(): Epoch {
    return this.#own.shown.current;
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
    return this.#own.shown.status === "active";
  }

  /** The group that this one resumes (§11.2, §11.3), which was checked; `undefined` for other groups. */
  get resumes(): Owned<ResumedGroup> | undefined {
    return copied(this.#own.shown.resumes);
  }

  /**
   * The commits of this epoch that were made here, or received by `Group.stage`, and neither merged nor discarded, in the
   * order in which they came; after a restore too. A copy each time, with the same object for the same commit.
   */
  get staged(): readonly StagedCommit[] {
    const waiting = this.#own.shown.candidates.filter(({ discarded }) => !discarded);
    return waiting.map((one) => this.stagedCommit(one));
  }

  /** The same object for the same commit. @internal */
  stagedCommit(one: Candidate): StagedCommit {
    let staged = this.#handles.get(one.commit);
    if (staged === undefined) {
      const { candidates, kept } = this.#own.state;
      // Else an older map would keep those before from collections of young objects: docs/decisions/short-lives.md.
      if (candidates.length < 2 && kept === undefined) this.#handles = new WeakMap();
      staged = new StagedCommit(this.#own, one);
      this.#handles.set(one.commit, staged);
    }
    return staged;
  }

  /**
   * Whether a commit of this client is staged: one that it made as a member, or the external commit by which it joins
   * ({@link joinByExternalCommit}).
   */
  get hasPendingCommit(): boolean {
    return ownCandidates(this.#own.shown.candidates).length > 0;
  }

  protected override get cached(): readonly CachedProposal[] {
    return this.#own.shown.proposals;
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

  /**
   * Derives a secret that only the members of this epoch know (§8.5), or those of a past one: the same for the same
   * arguments.
   * @param length 0 to 255 * `Nh` bytes, at most 65535
   * @throws MlsError `forgotten` for a past epoch whose exporter isn't kept, `future-epoch`; `usage`, `removed`, `closed`; CryptoError for more bytes than the KDF can derive
   * @example
   * const key = await group.exportSecret("file key", new Uint8Array(), 32);
   */
  async exportSecret(
    label: string,
    context: Uint8Array,
    length: number,
    options: ExportOptions = {},
  ): Promise<Bytes> {
    const { epoch } = checkOptions(options, EXPORT);
    const find = () => {
      needMember(this.own.state);
      return exporterSecretOf(this.own.state, epoch);
    };
    return this.own.exportSecret(find, label, context, length, options, "members");
  }

  /**
   * Calls an extension of the protocol with the current epoch, as one of the group's operations: `work` must not await
   * another operation of the group. For extensions (§13): they must keep the protocol's rules for these keys.
   * @throws MlsError `removed`, `closed`, or what `work` throws
   * @example
   * const leafIndex = await group.withEpoch((access) => access.leafIndex);
   */
  async withEpoch<T>(
    work: (access: EpochAccess) => Awaitable<T>,
    options: OperationOptions = {},
  ): Promise<T> {
    checkOptions(options, OPERATION);
    const changes: (() => void)[] = [];
    const call = async () => {
      changes.length = 0;
      needMember(this.own.state);
      const access = this.own.access((change) => changes.push(change));
      return this.own.lock.callHook(() => work(access));
    };
    const finish = (result: T) => {
      for (const change of changes) change();
      return result;
    };
    return this.own.run({ work: call, finish }, options);
  }

  /**
   * Makes a signed GroupInfo (§12.4.3) of this epoch, for joining by an external commit or following the group.
   * @returns an encoded MLSMessage
   * @throws MlsError `removed`, `closed`
   * @example
   * const groupInfo = await group.groupInfo({ ratchetTree: false });
   */
  async groupInfo(options: GroupInfoOptions & OperationOptions = {}): Promise<Bytes> {
    const chosen = checkOptions(options, GROUP_INFO);
    const work = async () => {
      needActive(this.own.state);
      return groupInfoMessage(this.own.context, chosen);
    };
    return this.own.run({ work, finish: answer }, options, "nothing");
  }

  /**
   * The whole state as bytes, for {@link Client.restore}. They contain the group's secrets, but no signature key: store
   * them as safely as keys. Save after each operation, before its message is sent: an older state would use the
   * message's key again. A digest over all bytes shows damage, but not who wrote them: encrypt and authenticate them.
   * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys; `usage` if the client
   *   made its signer itself and has no storage, so that nobody could restore the state; `closed`
   * @example
   * const snapshot = await group.save();
   */
  async save(options: OperationOptions = {}): Promise<Bytes> {
    checkOptions(options, OPERATION);
    return this.own.save(options);
  }

  /** The state that a group which resumes this one is checked against. @internal */
  get predecessor(): GroupState {
    return this.#own.state;
  }
}
