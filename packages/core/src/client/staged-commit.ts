// RFC 9420 §12.4, §14: a commit that was made or received and isn't in force, as an application looks at it.
import { type Bytes, copied, equalBytes, type Owned } from "../bytes.js";
import { decode, encode } from "../codec/index.js";
import { MlsError } from "../errors.js";
import {
  type Candidate,
  type Epoch,
  epochsIn,
  findCandidate,
  keptAs,
  type Member,
  membersOf,
  needMember,
  type PublicCandidate,
  signerIn,
} from "../group/index.js";
import { groupInfoMessage } from "../group/join/index.js";
import {
  type CommitMessage,
  groupBefore,
  isActive,
  type ListedProposal,
  type MembersView,
  reportCommit,
} from "../group/messages/index.js";
import {
  type CommitOptions,
  type GroupInfoOptions,
  type NewIdentity,
  partyOf,
} from "../group/proposals/index.js";
import { answer, OPERATION, type OperationOptions, WRITE, type WriteOptions } from "../operation/index.js";
import { checkOptions } from "../option-shapes.js";
import { type Extension, MlsMessage, RatchetTreeNodes, WireFormat } from "../wire/index.js";
import { GROUP_INFO } from "./group-options.js";
import type { Membership } from "./membership.js";

/** The options of `add`: those of `commit`. */
export type AddOptions = Omit<CommitOptions, "add"> & WriteOptions<StagedCommit>;

/** The options of `remove`: those of `commit`. */
export type RemoveOptions = Omit<CommitOptions, "remove"> & WriteOptions<StagedCommit>;

/** What changes besides the keys, and the options of `commit`. */
export type UpdateOptions = NewIdentity &
  Omit<CommitOptions, "identity" | "forcePath"> &
  WriteOptions<StagedCommit>;

/** A Welcome (§12.4.3.1) for one new member. */
export interface WelcomeForOne {
  /** The KeyPackageRef (§5.2) of whom it is for: `Nh` bytes */
  readonly reference: Bytes;
  /** An encoded MLSMessage */
  readonly welcome: Bytes;
}

/** What a commit that isn't in force says of itself and of the epoch that it starts. */
export abstract class CommitView {
  readonly #shown: PublicCandidate;
  readonly #before: MembersView;

  /** @internal */
  protected constructor(shown: PublicCandidate, before: MembersView) {
    this.#shown = shown;
    this.#before = before;
  }

  /** A copy each time: the application may write into it. */
  get #told(): CommitMessage {
    return reportCommit(this.#shown);
  }

  /** The encoded MLSMessage for all members. */
  get commit(): Bytes {
    return this.#shown.commit.slice();
  }

  /** Whether the committer joins by it (§12.4.3.2). Then {@link added} has the committer too. */
  get external(): boolean {
    return this.#shown.external;
  }

  /** As in {@link membersAfter}. */
  get committer(): Member {
    return this.#told.committer;
  }

  /** The epoch that it starts. */
  get epoch(): bigint {
    return this.#shown.next.groupContext.epoch;
  }

  /** The transcript hash (§8.2) of the epoch that it starts: `Nh` bytes, as in a GroupInfo of that epoch. */
  get confirmedTranscriptHash(): Bytes {
    return copied(this.#shown.next.groupContext.confirmedTranscriptHash);
  }

  /** Whether it has a path (§12.4), which renews the committer's keys. */
  get path(): boolean {
    return this.#shown.path;
  }

  /** Its proposals, in its order. */
  get proposals(): readonly ListedProposal[] {
    return this.#shown.proposals.map(({ proposal, sender, reference }) => ({
      ...copied({ proposal, sender }),
      proposer: partyOf(this.#before, sender),
      reference: reference && new Uint8Array(reference),
    }));
  }

  get added(): readonly Member[] {
    return this.#told.added;
  }

  /** A client that rejoins is in {@link added} too, at the same leaf or another one. */
  get removed(): readonly Member[] {
    return this.#told.removed;
  }

  /** Members whose Update proposals it contains. */
  get updated(): readonly Member[] {
    return this.#told.updated;
  }

  /** Its proposals of registered types. */
  get custom(): CommitMessage["custom"] {
    return this.#told.custom;
  }

  /** The parameters of the new group (§11.2), if it ends the group by ReInit. */
  get reinit(): CommitMessage["reinit"] {
    return this.#told.reinit;
  }

  get membersBefore(): readonly Member[] {
    return membersOf(this.#before);
  }

  get membersAfter(): readonly Member[] {
    return membersOf(this.#shown.next);
  }

  /** The GroupContext's extensions in the epoch that it starts. */
  get extensions(): readonly Owned<Extension>[] {
    return copied(this.#shown.next.groupContext.extensions);
  }

  get authenticatedData(): Bytes {
    return this.#told.authenticatedData;
  }
}

/**
 * A commit of the group's present epoch that isn't in force: one that this client made (`Group.commit`), or one that it
 * received and looks at first (`Group.stage`). When the delivery service has accepted it, call {@link merge}; if it took
 * another one, merging that ends this one.
 *
 * All of it was checked. Only a client that the commit removes can't check the confirmation tag: to that one it shows
 * what its committer has signed. Everything public can be read later too; the secrets of the next epoch only while the
 * group has them.
 * @example
 * const staged = await group.stage(message);
 * if (staged.removed.length === 0) await staged.merge();
 * else await staged.discard();
 */
export class StagedCommit extends CommitView {
  readonly #own: Membership;
  readonly #commit: Candidate;

  /** @internal */
  constructor(own: Membership, commit: Candidate) {
    super(commit, groupBefore(own.shown, commit));
    this.#own = own;
    this.#commit = commit;
  }

  /** An encoded MLSMessage for all new members together; `undefined` without any, and for a received commit. */
  get welcome(): Bytes | undefined {
    return this.#commit.welcome?.slice();
  }

  /** The same as one for each new member, to be sent to that one alone. Each is encoded when it is read. */
  get welcomes(): readonly WelcomeForOne[] {
    const { welcome: bytes } = this.#commit;
    const message = bytes && decode(MlsMessage, bytes);
    if (message?.wireFormat !== WireFormat.welcome) return [];
    const { welcome } = message;
    return welcome.secrets.map((secrets) => ({
      reference: secrets.newMember.slice(),
      get welcome() {
        return encode(MlsMessage, { ...message, welcome: { ...welcome, secrets: [secrets] } });
      },
    }));
  }

  /** The encoded tree for the new members, if the Welcome doesn't carry it. Encoded when it is read. */
  get ratchetTree(): Bytes | undefined {
    const { needsTree, next } = this.#commit;
    return needsTree ? encode(RatchetTreeNodes, next.tree.toNodes()) : undefined;
  }

  /** Whether this client made it. */
  get own(): boolean {
    return this.#commit.own;
  }

  /** Whether this client can still send after it: it isn't removed, and the group doesn't end by ReInit. */
  get active(): boolean {
    return isActive(this.#commit);
  }

  /**
   * That of the epoch that it starts (§8.7): `Nh` bytes; `undefined` if it removes this client.
   * @throws MlsError as {@link merge}
   */
  get epochAuthenticator(): Bytes | undefined {
    return this.#epoch()?.secrets.epochAuthenticator.slice();
  }

  /**
   * As `Group.exportSecret`, in the epoch that it starts.
   * @throws MlsError `removed` if it removes this client; `usage`; otherwise as {@link merge}
   * @example
   * const key = await staged.exportSecret("file key", new Uint8Array(), 32);
   */
  async exportSecret(
    label: string,
    context: Uint8Array,
    length: number,
    options: OperationOptions = {},
  ): Promise<Bytes> {
    checkOptions(options, OPERATION);
    return this.#own.exportSecret(
      () => this.#needEpoch().secrets.exporterSecret,
      label,
      context,
      length,
      options,
      "nothing",
    );
  }

  /**
   * The GroupInfo (§12.4.3) of the epoch that it starts, as `Group.groupInfo`. A server that gets it with the commit has
   * one that fits as soon as it accepts the commit.
   * @returns an encoded MLSMessage
   * @throws MlsError `removed` if it removes this client; `closed` if it ends the group; otherwise as {@link merge}
   * @example
   * const staged = await group.add(keyPackage);
   * await server.send(staged.commit, await staged.groupInfo());
   */
  async groupInfo(options: GroupInfoOptions & OperationOptions = {}): Promise<Bytes> {
    const chosen = checkOptions(options, GROUP_INFO);
    const work = async () => {
      const { config } = this.#own;
      const epoch = this.#needEpoch();
      if (!this.active) throw new MlsError("closed", "this commit ends the group by ReInit");
      return groupInfoMessage({ config, epoch, signer: signerIn(config, epoch) }, chosen);
    };
    return this.#own.run({ work, finish: answer }, options, "nothing");
  }

  /**
   * Enters the epoch that it starts. Call it when the delivery service has accepted the commit. One that was discarded
   * can be merged all the same. All other staged commits end.
   * @throws MlsError `past-epoch` if its epoch is over, `missing` if it was forgotten (see `Group.stage`);
   *   `missing-signer`, `removed`, `closed`; ValidationError for an external commit if another group with this ID is
   *   open, and isn't to be replaced
   * @example
   * const { epoch, added } = await staged.merge();
   */
  async merge(options: WriteOptions<CommitMessage> = {}): Promise<CommitMessage> {
    checkOptions(options, WRITE);
    return this.#own.merge(() => this.#find(), options, "nothing");
  }

  /**
   * The application doesn't expect it any more: `Group.staged` doesn't have it, and an own one doesn't stand in the way
   * of the next. It is kept until the epoch ends, in case the delivery service took it after all, unless 16 others come
   * (see `Group.stage`). Without its external
   * commit, a client is no member: the group that it joins is closed.
   * @throws MlsError as {@link merge}
   * @example
   * await staged.discard();
   */
  async discard(options: WriteOptions<void> = {}): Promise<void> {
    checkOptions(options, WRITE);
    return this.#own.discard(() => this.#find(), options, "nothing");
  }

  /** @throws MlsError as {@link merge} */
  #find(): Candidate {
    const { state } = this.#own;
    const found = findCandidate(state.candidates, this.#commit.commit);
    if (found !== undefined) return found;
    needMember(state);
    const { epoch } = this;
    if (state.current.groupContext.epoch >= epoch) {
      const message = `expected a staged commit of the present epoch, got one that started epoch ${epoch}, or was to`;
      throw new MlsError("past-epoch", message, { epoch: epoch - 1n });
    }
    const way = this.own ? "rejoin if it is in force" : "pass its message to stage() again";
    throw new MlsError("missing", `this staged commit was forgotten: ${way}`);
  }

  /** The epoch that it starts, also if that is the present one now, or a kept one. */
  #epoch(): Epoch | undefined {
    const { state } = this.#own;
    const { epoch } = this.#commit;
    if (epoch === undefined) return keptAs(state, this.#commit) ? undefined : this.#find().epoch;
    // Loaded again, it is another object.
    const { confirmedTranscriptHash } = epoch.groupContext;
    const isIt = ({ groupContext: one }: Epoch) =>
      one.epoch === epoch.groupContext.epoch &&
      equalBytes(one.confirmedTranscriptHash, confirmedTranscriptHash);
    return epochsIn(state).find(isIt) ?? this.#find().epoch;
  }

  #needEpoch(): Epoch {
    const epoch = this.#epoch();
    if (epoch === undefined)
      throw new MlsError("removed", "this commit removes this client: it has no secrets of the next epoch");
    return epoch;
  }
}
