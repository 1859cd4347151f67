// RFC 9420 §11, §12, §15: a group, as one of its members uses it.
import { copyOf, equalBytes, needBytes, utf8 } from "../bytes.js";
import { mlsExporter } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { SourcedProposal } from "../framing/index.js";
import {
  accessTo,
  applicationMessage,
  type ClientConfig,
  type CommitContents,
  commitDigest,
  type CommitMessage,
  type CommitMessages,
  type CommitOptions,
  enterEpoch,
  type Epoch,
  type EpochAccess,
  groupInfoMessage,
  type GroupInfoOptions,
  type GroupState,
  leaveGroup,
  type Member,
  type MemberContext,
  needSigner,
  type NewIdentity,
  ownProposals,
  prepareCommit,
  proposalMessage,
  type ProposalRequest,
  type Received,
  receiveMessage,
  reportCommit,
  requestedProposal,
  type ResumptionOptions,
  resumptionPskId,
  type ResumptionUsage,
  type SavePoint,
  savePoint,
  saveState,
  signerIn,
  wipeEpoch,
  withProposal,
} from "../group/index.js";
import type { Awaitable, Signer } from "../provider/index.js";
import { isProposal, type Proposal, ProposalType } from "../wire/index.js";
import { GroupBase } from "./group-base.js";
import { Lock } from "./lock.js";

/**
 * A group that this client is a member of. Made by {@link Client}.
 *
 * All methods that change the group run one after the other, in the order of the calls. Whatever is refused
 * leaves the group as it was. Messages are encoded MLSMessages in and out.
 */
export class Group extends GroupBase {
  readonly #config: ClientConfig;
  readonly #lock = new Lock();
  #state: GroupState;
  #signer: Signer;
  #closed = false;
  #saved: SavePoint | undefined;

  /** @internal */
  constructor(config: ClientConfig, state: GroupState, saved?: SavePoint) {
    super();
    this.#config = config;
    this.#saved = saved;
    this.#state = state;
    this.#signer = signerIn(config, state.current);
    // Those that the group may switch to are needed too: later, when it does, would be too late to miss them.
    if (state.pending !== undefined) signerIn(config, state.pending.epoch);
    for (const { proposal, leafKey } of state.proposals) {
      if (leafKey !== undefined && isProposal(proposal, ProposalType.update))
        needSigner(config, proposal.leafNode);
    }
  }

  protected override get config(): ClientConfig {
    return this.#config;
  }

  protected override get current(): Epoch {
    return this.#state.current;
  }

  get #context(): MemberContext {
    return { config: this.config, epoch: this.current, signer: this.#signer };
  }

  /** The index of this client's leaf. */
  get ownLeafIndex(): number {
    return this.current.keys.leafIndex;
  }

  /** Whether messages can be sent: not so once this client is removed, or the group reinitialized or closed. */
  get active(): boolean {
    return !this.#closed && this.#state.status === "active";
  }

  get hasPendingCommit(): boolean {
    return this.#state.pending !== undefined;
  }

  override get proposals(): readonly SourcedProposal[] {
    return this.#state.proposals;
  }

  /**
   * §8.7: `Nh` bytes that all members of this epoch share, and that they may compare to find out whether they
   * are in the same state. Public to the members, but not beyond.
   */
  get epochAuthenticator(): Uint8Array {
    return this.current.secrets.epochAuthenticator.slice();
  }

  /** @throws MlsError `removed` or `closed` */
  #needActive(): void {
    if (this.#closed) throw new MlsError("closed", "the group is closed");
    if (this.#state.status === "removed")
      throw new MlsError("removed", "this client was removed from the group");
    if (this.#state.status === "reinitialized") {
      throw new MlsError("closed", "the group ended by ReInit");
    }
  }

  /**
   * Encrypts application data (§15) for the members of this epoch.
   * @param data bytes, or a string that is sent as UTF-8
   * @returns an encoded MLSMessage
   * @throws MlsError `pending` while there are proposals to be committed first (§12.4), `removed`, `closed`
   */
  encrypt(
    data: Uint8Array | string,
    options: { readonly authenticatedData?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    const applicationData = typeof data === "string" ? utf8(data) : needBytes(data, "data").slice();
    const given = copyOf(options.authenticatedData);
    return this.#lock.run(async () => {
      this.#needActive();
      const authenticatedData = this.#authenticatedData(given);
      if (this.#state.proposals.length > 0) {
        throw new MlsError("pending", "proposals were received: commit them before sending application data");
      }
      return applicationMessage(this.#context, applicationData, authenticatedData);
    });
  }

  #authenticatedData(given: Uint8Array | undefined): Uint8Array {
    return this.config.registry.authenticatedData(given, this.current.groupContext);
  }

  /**
   * Sends one proposal (§12.1) by itself. It takes effect when some member commits it.
   * @returns an encoded MLSMessage
   * @throws ValidationError, CryptoError, MlsError `authentication`, `missing`, `removed`, `closed`
   */
  propose(
    request: ProposalRequest,
    options: { readonly authenticatedData?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    const given = copyOf(options.authenticatedData);
    return this.#lock.run(async () => {
      this.#needActive();
      const authenticatedData = this.#authenticatedData(given);
      const { proposal, leafKey, signer } = await requestedProposal(this.#context, request);
      const { message, cached } = await proposalMessage(
        this.#context,
        proposal,
        authenticatedData,
        this.#state.proposals,
      );
      if (signer !== undefined) this.config.addSigner(signer);
      this.#state = withProposal(this.#state, { ...cached, leafKey });
      return message;
    });
  }

  /**
   * Creates a commit (§12.4) of what the options say, and of all valid proposals received in this epoch. The
   * group stays in its epoch until {@link mergePendingCommit}, which is to be called when the delivery service
   * has taken the commit; if it took another one, {@link receive} that, and this one is dropped.
   * @throws ValidationError, CryptoError, each with `proposal` where one is to blame; MlsError `pending` if there
   *   is a pending commit already; `authentication`, `missing`, `removed`, `closed`
   */
  commit(options: CommitOptions = {}): Promise<CommitMessages> {
    return this.#lock.run(async () => {
      this.#needCommittable();
      const own = ownProposals(this.#context, options);
      return this.#prepare(this.#context, { own, received: this.#state.proposals }, options);
    });
  }

  /**
   * The first commit of a group that follows another one (§11.2, §11.3): adds its other members, and ties it to the
   * other group. @internal
   */
  commitResumption(
    from: Group,
    usage: ResumptionUsage,
    { add, ...options }: ResumptionOptions,
  ): Promise<CommitMessages> {
    return this.#lock.run(async () => {
      this.#needCommittable();
      const id = resumptionPskId(this.config, usage, from.#state);
      const config = { ...this.config, psk: () => from.resumptionPsk(id.pskEpoch) };
      const tie: Proposal = { proposalType: ProposalType.psk, psk: id };
      const own = ownProposals(this.#context, { add, proposals: [tie] });
      const resumption = { id, from: from.#state };
      return this.#prepare({ ...this.#context, config }, { own, received: [], resumption }, options);
    });
  }

  /** @throws MlsError `pending` if there is a pending commit; `removed`, `closed` */
  #needCommittable(): void {
    this.#needActive();
    if (this.#state.pending !== undefined) {
      throw new MlsError("pending", "there is a pending commit: merge it or clear it first");
    }
  }

  async #prepare(
    context: MemberContext,
    contents: CommitContents,
    options: CommitOptions,
  ): Promise<CommitMessages> {
    const { pending, messages, nextSigner } = await prepareCommit(context, contents, options);
    this.config.addSigner(nextSigner);
    this.#state = { ...this.#state, pending };
    return messages;
  }

  /** {@link commit} that adds members, by their key packages. */
  add(...keyPackages: readonly Uint8Array[]): Promise<CommitMessages> {
    return this.commit({ add: keyPackages });
  }

  /** {@link commit} that removes members, by their leaf indices. */
  remove(...leafIndices: readonly number[]): Promise<CommitMessages> {
    return this.commit({ remove: leafIndices });
  }

  /** {@link commit} that renews this client's keys. */
  update(identity?: NewIdentity): Promise<CommitMessages> {
    return this.commit(identity === undefined ? { forcePath: true } : { identity });
  }

  /**
   * Moves on to the epoch of the pending commit: the delivery service has taken it.
   * @throws MlsError `missing` if there is none
   */
  mergePendingCommit(): Promise<CommitMessage> {
    return this.#lock.run(async () => this.#merge());
  }

  async #merge(): Promise<CommitMessage> {
    const { pending } = this.#state;
    if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
    const endedBy = await commitDigest(this.config.provider, pending.commit);
    const { changes, epoch } = pending;
    const { maxPastEpochs } = this.config.policy;
    this.#enter(enterEpoch(this.#state, epoch, changes, { endedBy, endedByOwn: true }, maxPastEpochs));
    return reportCommit(epoch, changes, {
      committer: this.member(this.ownLeafIndex) as Member,
      own: true,
      active: this.active,
      droppedPending: false,
      dropped: [],
      authenticatedData: pending.authenticatedData,
    });
  }

  /** Takes over the state that comes of a message or a merge. */
  #enter(state: GroupState): void {
    const signer = state.status === "removed" ? this.#signer : signerIn(this.config, state.current);
    this.#state = state;
    this.#signer = signer;
  }

  /**
   * Drops the pending commit: the delivery service has refused it.
   * @throws MlsError `missing` if there is none
   */
  clearPendingCommit(): Promise<void> {
    return this.#lock.run(async () => {
      const { pending } = this.#state;
      if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
      this.#state = { ...this.#state, pending: undefined };
      wipeEpoch(pending.epoch);
    });
  }

  /**
   * Takes a message from the delivery service: application data, a proposal, or a commit, which comes into
   * force at once. A message that comes a second time is refused, or recognised as this client's own.
   * @param message an encoded MLSMessage
   * @throws MlsError, and the group is as it was: `wrong-epoch` for a message that is ahead of this client, to be
   *   tried again later, or too old; `consumed` for one that was received before
   */
  receive(message: Uint8Array): Promise<Received> {
    const bytes = needBytes(message, "a message").slice();
    return this.#lock.run(async () => {
      if (this.#closed) throw new MlsError("closed", "the group is closed");
      const { pending } = this.#state;
      if (pending !== undefined && equalBytes(bytes, pending.commit)) return this.#merge();
      const { state, received } = await receiveMessage(this.config, this.#state, bytes);
      this.#enter(state);
      return received;
    });
  }

  /**
   * §8.5: a secret that all members of this epoch derive alike, and nobody else.
   * @param length in bytes
   * @throws MlsError `removed`, `closed`; CryptoError if it is more than the KDF gives
   */
  async exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    if (this.#closed || this.#state.status === "removed") this.#needActive();
    if (!Number.isSafeInteger(length) || length < 0 || length > 0xffff) {
      throw new MlsError("usage", `an exported secret of ${length} bytes`);
    }
    const { exporterSecret } = this.current.secrets;
    const bytes = needBytes(context, "the context");
    return mlsExporter(this.config.provider, exporterSecret, label, bytes, length);
  }

  /**
   * Runs work of an extension of the protocol on the current epoch, in turn with the group's other operations. For
   * extensions, not for applications: they hold what is given to them to the rules that the protocol has for it.
   * @throws MlsError `removed`, `closed`
   */
  withEpoch<T>(work: (access: EpochAccess) => Awaitable<T>): Promise<T> {
    return this.#lock.run(async () => {
      if (this.#closed || this.#state.status === "removed") this.#needActive();
      return work(accessTo(this.#context));
    });
  }

  /**
   * A signed GroupInfo (§12.4.3) of this epoch, for those who join by an external commit.
   * @returns an encoded MLSMessage
   */
  groupInfo(options: GroupInfoOptions = {}): Promise<Uint8Array> {
    return this.#lock.run(async () => {
      this.#needActive();
      return groupInfoMessage(this.#context, options);
    });
  }

  /**
   * All of this group's state as bytes, for {@link Client.restore}. They hold the group's secrets, but no
   * signature key: keep them as safe as keys. Save after each operation, and before its message is sent: a state
   * restored from before a message was sent would use that message's key once more.
   * @throws MlsError `key-not-extractable` if the backend neither exports nor saves private keys
   */
  save(): Promise<Uint8Array> {
    return this.#lock.run(async () => {
      if (this.#closed) throw new MlsError("closed", "the group is closed");
      return this.#record(undefined);
    });
  }

  /**
   * What {@link save} would give, but of the tree only what changed since the last call of either: small, and made
   * in little time, where the group is large. {@link Client.restore} takes them in their order, after the snapshot;
   * a snapshot makes all that is older superfluous.
   * @throws MlsError `usage` before the first {@link save}, or {@link Client.restore}; `key-not-extractable`
   */
  saveChanges(): Promise<Uint8Array> {
    return this.#lock.run(async () => {
      if (this.#closed) throw new MlsError("closed", "the group is closed");
      if (this.#saved === undefined)
        throw new MlsError("usage", "there is no snapshot yet: save() makes one");
      return this.#record(this.#saved);
    });
  }

  async #record(since: SavePoint | undefined): Promise<Uint8Array> {
    const { provider } = this.config;
    const bytes = await saveState(provider, this.#state, since);
    this.#saved = await savePoint(provider, this.#state, bytes);
    return bytes;
  }

  /** Overwrites this group's secrets here, for good; what was saved isn't touched. The others aren't told. */
  close(): Promise<void> {
    return this.#lock.run(async () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#state = leaveGroup(this.#state);
    });
  }

  /** What a group that follows this one is checked against. @internal */
  get predecessor(): GroupState {
    return this.#state;
  }

  /** The resumption PSK of an epoch (§8.6) that is the current one, or kept. @internal */
  resumptionPsk(epoch: bigint): Uint8Array | undefined {
    if (this.#closed || this.#state.status === "removed") return undefined;
    if (epoch === this.epoch) return this.current.secrets.resumptionPsk;
    return this.#state.past.find((past) => past.epoch === epoch)?.resumptionPsk;
  }
}
