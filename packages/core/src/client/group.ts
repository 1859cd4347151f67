// RFC 9420 §11, §12, §15: a group, as one of its members uses it.
import { equalBytes, utf8 } from "../bytes.js";
import { encode } from "../codec/index.js";
import { mlsExporter } from "../crypto/labelled.js";
import { MlsError } from "../errors.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  type Proposal,
  ProposalType,
  SenderType,
  sealPrivate,
  signContent,
  WireFormat,
} from "../framing/index.js";
import {
  type CommitMessage,
  cacheProposal,
  changesOf,
  checkMessageSize,
  checkProposable,
  checkSuccession,
  committable,
  contextBytes,
  createCommit,
  createGroupInfo,
  type Epoch,
  type EpochLedger,
  enterEpoch,
  externalPubExtension,
  type GroupState,
  type GroupView,
  leaveGroup,
  type Member,
  MlsMessage,
  memberOf,
  type PendingCommit,
  proposalFormat,
  protect,
  type Received,
  ratchetTreeExtension,
  receiveMessage,
  registryOf,
  reportCommit,
  type SavePoint,
  type Setting,
  type SourcedProposal,
  type SuccessionPskId,
  type SuccessionUsage,
  savePoint,
  saveState,
  selectProposals,
  successionPskId,
  wipeEpoch,
  withProposal,
} from "../group/index.js";
import type { LeafDescription } from "../key-package/index.js";
import type {
  Awaitable,
  CipherSuite,
  CipherSuiteProvider,
  HpkePrivateKey,
  Signer,
} from "../provider/index.js";
import { type PreSharedKeyID, PSKType, ResumptionPSKUsage } from "../schedule/index.js";
import {
  type Extension,
  type LeafNode,
  LeafNodeSource,
  RatchetTreeNodes,
  signLeafNode,
} from "../tree/index.js";
import { Lock } from "./lock.js";
import {
  type CommitMessages,
  type CommitOptions,
  copyOf,
  type NewIdentity,
  needBytes,
  type ProposalRequest,
  type PskChoice,
  type SuccessionOptions,
} from "./messages.js";
import { readKeyPackage } from "./read.js";
import { checkSigner } from "./signer.js";

/** What a client gives to its groups. */
export interface GroupHost {
  readonly setting: Setting;
  /** What a new leaf node of the client says. */
  describe(): LeafDescription;
  /** The client's signers, by their public keys. */
  signerFor(publicKey: Uint8Array): Signer | undefined;
  /** Remembers one that a group has switched to. */
  addSigner(signer: Signer): void;
}

/** What an extension of the protocol works on: {@link Group.withEpoch}. */
export interface EpochAccess {
  readonly provider: CipherSuiteProvider;
  readonly group: GroupView;
  readonly leafIndex: number;
  /** The own leaf's private key. */
  readonly leafKey: HpkePrivateKey;
  readonly signer: Signer;
  /** What an extension keeps of the epoch, by the label of its secret; `undefined` if the epoch began without it. */
  ledger(label: string): EpochLedger | undefined;
}

/**
 * A group that this client is a member of. Made by {@link Client}.
 *
 * All methods that change the group run one after the other, in the order of the calls. Whatever is refused
 * leaves the group as it was. Messages are encoded MLSMessages in and out.
 */
export class Group {
  private readonly host: GroupHost;
  private readonly lock = new Lock();
  private state: GroupState;
  private signer: Signer;
  private closed = false;
  private saved: SavePoint | undefined;
  private knownMembers: { of: Epoch; members: readonly Member[] } | undefined;

  /** @internal */
  constructor(host: GroupHost, state: GroupState, saved?: SavePoint) {
    this.host = host;
    this.saved = saved;
    this.state = state;
    this.signer = signerIn(host, state.current);
    // Those that the group may switch to are needed too: later, when it does, would be too late to miss them.
    if (state.pending !== undefined) signerIn(host, state.pending.epoch);
    for (const { proposal, leafKey } of state.proposals) {
      if (leafKey !== undefined && proposal.proposalType === ProposalType.update)
        needSigner(host, proposal.leafNode);
    }
  }

  private get current(): Epoch {
    return this.state.current;
  }

  get groupId(): Uint8Array {
    return this.current.groupContext.groupId.slice();
  }

  get epoch(): bigint {
    return this.current.groupContext.epoch;
  }

  get cipherSuite(): CipherSuite {
    return this.host.setting.provider.suite;
  }

  /** The index of this client's leaf. */
  get ownLeafIndex(): number {
    return this.current.keys.leafIndex;
  }

  /** The GroupContext's extensions. */
  get extensions(): readonly Extension[] {
    return this.current.groupContext.extensions;
  }

  /** Whether messages can be sent: not so once this client is removed, or the group reinitialized or closed. */
  get active(): boolean {
    return !this.closed && this.state.status === "active";
  }

  get hasPendingCommit(): boolean {
    return this.state.pending !== undefined;
  }

  /** Valid proposals of this epoch that no commit has brought into force yet. */
  get proposals(): readonly SourcedProposal[] {
    return this.state.proposals;
  }

  /** The members by their leaf indices. */
  get members(): readonly Member[] {
    const epoch = this.current;
    if (this.knownMembers?.of !== epoch) {
      const members = Array.from(epoch.tree.members(), ({ leafIndex, leafNode }) =>
        memberOf(leafIndex, leafNode),
      );
      this.knownMembers = { of: epoch, members };
    }
    return this.knownMembers.members;
  }

  /** The member at a leaf index, without looking at all of them. */
  member(leafIndex: number): Member | undefined {
    const leafNode = this.current.tree.leaf(leafIndex);
    return leafNode && memberOf(leafIndex, leafNode);
  }

  /** The leaf node (§7.2) of the member at a leaf index. */
  leafNode(leafIndex: number): LeafNode | undefined {
    return this.current.tree.leaf(leafIndex);
  }

  /**
   * §8.7: `Nh` bytes that all members of this epoch share, and that they may compare to find out whether they
   * are in the same state. Public to the members, but not beyond.
   */
  get epochAuthenticator(): Uint8Array {
    return this.current.secrets.epochAuthenticator.slice();
  }

  /** `Nh` bytes (§7.8) */
  get treeHash(): Uint8Array {
    return this.current.groupContext.treeHash.slice();
  }

  /** `Nh` bytes (§8.2), none before the first commit */
  get confirmedTranscriptHash(): Uint8Array {
    return this.current.groupContext.confirmedTranscriptHash.slice();
  }

  /** The encoded ratchet tree (§12.4.3.3), for those who join without it in their Welcome. */
  get ratchetTree(): Uint8Array {
    return encode(RatchetTreeNodes, this.current.tree.toNodes());
  }

  /** @throws MlsError `removed` or `closed` */
  private needActive(): void {
    if (this.closed) throw new MlsError("closed", "the group is closed");
    if (this.state.status === "removed")
      throw new MlsError("removed", "this client was removed from the group");
    if (this.state.status === "reinitialized") {
      throw new MlsError("closed", "the group is to be reinitialized, and no longer in use");
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
    return this.lock.run(async () => {
      this.needActive();
      const authenticatedData = this.authenticatedData(given);
      if (this.state.proposals.length > 0) {
        throw new MlsError("pending", "proposals were received: commit them before sending application data");
      }
      const { provider, policy } = this.host.setting;
      const epoch = this.current;
      const content = this.content(
        { contentType: ContentType.application, applicationData },
        authenticatedData,
      );
      const wireFormat = WireFormat.privateMessage;
      const signature = await signContent(this.signer, wireFormat, content, contextBytes(epoch));
      const padding = Math.max(0, policy.padding(applicationData.length) - applicationData.length);
      const privateMessage = await sealPrivate(
        provider,
        { wireFormat, content, auth: { signature, confirmationTag: undefined } },
        { secretTree: epoch.secretTree, senderDataSecret: epoch.secrets.senderDataSecret },
        padding,
      );
      const message = encode(MlsMessage, { version: 1, wireFormat, privateMessage });
      checkMessageSize(this.host.setting, message);
      return message;
    });
  }

  private authenticatedData(given: Uint8Array | undefined): Uint8Array {
    return registryOf(this.host.setting).authenticatedData(given, this.current.groupContext);
  }

  private content(content: FramedContent["content"], authenticatedData: Uint8Array): FramedContent {
    const { groupContext, keys } = this.current;
    const { groupId, epoch } = groupContext;
    const sender = { senderType: SenderType.member, leafIndex: keys.leafIndex };
    return { groupId, epoch, sender, authenticatedData, content };
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
    return this.lock.run(async () => {
      this.needActive();
      const authenticatedData = this.authenticatedData(given);
      const { setting } = this.host;
      const epoch = this.current;
      const { proposal, leafKey, signer } = await this.proposalFor(request);
      const content = this.content({ contentType: ContentType.proposal, proposal }, authenticatedData);
      const wireFormat = proposalFormat(setting, proposal);
      const signature = await signContent(this.signer, wireFormat, content, contextBytes(epoch));
      const authenticated: AuthenticatedContent = {
        wireFormat,
        content,
        auth: { signature, confirmationTag: undefined },
      };
      const cached = await cacheProposal(setting, epoch, authenticated);
      checkProposable(setting, epoch, cached, this.state.proposals);
      const message = await protect(setting, epoch, authenticated);
      if (signer !== undefined) this.host.addSigner(signer);
      this.state = withProposal(this.state, { ...cached, leafKey });
      return message;
    });
  }

  private async proposalFor(
    request: ProposalRequest,
  ): Promise<{ proposal: Proposal; leafKey?: HpkePrivateKey; signer?: Signer }> {
    if ("add" in request) {
      return { proposal: { proposalType: ProposalType.add, keyPackage: readKeyPackage(request.add) } };
    }
    if ("remove" in request)
      return { proposal: { proposalType: ProposalType.remove, removed: request.remove } };
    if ("psk" in request)
      return { proposal: { proposalType: ProposalType.psk, psk: this.pskId(request.psk) } };
    if ("extensions" in request) {
      return {
        proposal: { proposalType: ProposalType.groupContextExtensions, extensions: request.extensions },
      };
    }
    if ("custom" in request) return { proposal: request.custom };
    if ("reinit" in request) {
      return { proposal: { proposalType: ProposalType.reinit, version: 1, ...request.reinit } };
    }
    return this.ownUpdate(request.update === true ? {} : request.update);
  }

  private async ownUpdate(
    identity: NewIdentity,
  ): Promise<{ proposal: Proposal; leafKey: HpkePrivateKey; signer: Signer }> {
    const { provider } = this.host.setting;
    const { groupContext, keys } = this.current;
    const signer = identity.signer ?? this.signer;
    checkSigner(provider, signer);
    const { publicKey, privateKey } = await provider.hpke.generateKeyPair();
    const leafNode = await signLeafNode(
      signer,
      {
        ...this.describe(identity),
        encryptionKey: publicKey,
        signatureKey: signer.publicKey,
        leafNodeSource: { type: LeafNodeSource.update },
      },
      { groupId: groupContext.groupId, leafIndex: keys.leafIndex },
    );
    return { proposal: { proposalType: ProposalType.update, leafNode }, leafKey: privateKey, signer };
  }

  private describe({ credential, renewCapabilities }: NewIdentity): LeafDescription {
    const leaf = this.current.tree.leaf(this.ownLeafIndex) as LeafNode;
    const own = renewCapabilities === true ? { ...this.host.describe(), credential: leaf.credential } : leaf;
    const { capabilities, extensions } = own;
    return { credential: credential ?? own.credential, capabilities, extensions };
  }

  private pskId(choice: PskChoice): PreSharedKeyID {
    const { provider } = this.host.setting;
    const pskNonce = provider.random(provider.suite.hash.Nh);
    if ("custom" in choice) return { ...choice.custom, pskNonce };
    if ("external" in choice) {
      return { pskType: PSKType.external, pskId: needBytes(choice.external, "a PSK's id").slice(), pskNonce };
    }
    return {
      pskType: PSKType.resumption,
      usage: ResumptionPSKUsage.application,
      pskGroupId: this.current.groupContext.groupId,
      pskEpoch: choice.resumption,
      pskNonce,
    };
  }

  /**
   * Creates a commit (§12.4) of what the options say, and of all valid proposals received in this epoch. The
   * group stays in its epoch until {@link mergePendingCommit}, which is to be called when the delivery service
   * has taken the commit; if it took another one, {@link receive} that, and this one is dropped.
   * @throws ValidationError, CryptoError, each with `proposal` where one is to blame; MlsError `pending` if there
   *   is a pending commit already; `authentication`, `missing`, `removed`, `closed`
   */
  commit(options: CommitOptions = {}): Promise<CommitMessages> {
    return this.lock.run(async () => this.prepare(this.host.setting, options, this.ownProposals(options)));
  }

  /**
   * The first commit of a group that follows another one (§11.2, §11.3): adds its other members, and ties it to the
   * other group. @internal
   */
  commitSuccession(
    from: Group,
    usage: SuccessionUsage,
    { add, ...options }: SuccessionOptions,
  ): Promise<CommitMessages> {
    return this.lock.run(async () => {
      const id = successionPskId(this.host.setting, usage, from.state);
      const setting: Setting = { ...this.host.setting, psk: () => from.resumptionPsk(id.pskEpoch) };
      const sender = { senderType: SenderType.member, leafIndex: this.ownLeafIndex };
      const proposals = [
        ...this.ownProposals({ add }),
        { sender, proposal: { proposalType: ProposalType.psk, psk: id } },
      ];
      return this.prepare(setting, options, proposals, { id, from: from.state });
    });
  }

  private async prepare(
    setting: Setting,
    options: CommitOptions,
    own: readonly SourcedProposal[],
    succession?: { readonly id: SuccessionPskId; readonly from: GroupState },
  ): Promise<CommitMessages> {
    this.needActive();
    if (this.state.pending !== undefined) {
      throw new MlsError("pending", "there is a pending commit: merge it or clear it first");
    }
    const { policy, provider } = setting;
    const epoch = this.current;
    const { identity, ratchetTreeInWelcome = policy.ratchetTreeInWelcome } = options;
    const nextSigner = identity?.signer ?? this.signer;
    checkSigner(provider, nextSigner);
    const authenticatedData = this.authenticatedData(options.authenticatedData);
    const created = await createCommit(setting, epoch, {
      proposals: await this.toCommit(setting, options.references, own),
      forcePath: options.forcePath === true || identity !== undefined,
      signer: this.signer,
      nextSigner,
      description: identity && this.describe(identity),
      authenticatedData,
      ratchetTreeInWelcome,
      succession: succession?.id.usage,
    });
    try {
      if (succession !== undefined) checkSuccession(setting, succession.id, succession.from, created.epoch);
    } catch (error) {
      wipeEpoch(created.epoch);
      throw error;
    }
    this.host.addSigner(nextSigner);
    const pending: PendingCommit = {
      commit: created.commit,
      epoch: created.epoch,
      changes: changesOf(created.applied),
      authenticatedData,
      own: own.map(({ proposal }) => proposal),
    };
    this.state = { ...this.state, pending };
    const needsTree = created.welcome !== undefined && !ratchetTreeInWelcome;
    return {
      commit: created.commit.slice(),
      welcome: created.welcome,
      ratchetTree: needsTree ? encode(RatchetTreeNodes, created.epoch.tree.toNodes()) : undefined,
    };
  }

  /** @throws MlsError `missing` for a reference to a proposal that isn't known in this epoch */
  private async toCommit(
    setting: Setting,
    references: CommitOptions["references"],
    own: readonly SourcedProposal[],
  ): Promise<SourcedProposal[]> {
    const epoch = this.current;
    const { proposals } = this.state;
    if (references !== undefined) {
      const named = references.map((wanted) => {
        const found = proposals.find(({ reference }) => equalBytes(reference, wanted));
        if (found === undefined) throw new MlsError("missing", "a proposal to commit wasn't received");
        return found;
      });
      return [...named, ...own];
    }
    const received = proposals.filter((one) => !isTaken(epoch, one));
    return committable(
      setting,
      epoch,
      selectProposals(received, own, epoch.keys.leafIndex, setting.registry),
    );
  }

  private ownProposals(options: CommitOptions): SourcedProposal[] {
    const sender = { senderType: SenderType.member, leafIndex: this.ownLeafIndex };
    const proposals: Proposal[] = [];
    if (options.extensions !== undefined) {
      proposals.push({ proposalType: ProposalType.groupContextExtensions, extensions: options.extensions });
    }
    for (const removed of options.remove ?? [])
      proposals.push({ proposalType: ProposalType.remove, removed });
    for (const bytes of options.add ?? []) {
      proposals.push({ proposalType: ProposalType.add, keyPackage: readKeyPackage(bytes) });
    }
    for (const choice of options.psks ?? []) {
      proposals.push({ proposalType: ProposalType.psk, psk: this.pskId(choice) });
    }
    if (options.reinit !== undefined) {
      proposals.push({ proposalType: ProposalType.reinit, version: 1, ...options.reinit });
    }
    proposals.push(...(options.proposals ?? []));
    return proposals.map((proposal) => ({ proposal, sender }));
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
    return this.lock.run(async () => this.merge());
  }

  private async merge(): Promise<CommitMessage> {
    const { pending } = this.state;
    if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
    const { provider } = this.host.setting;
    const endedBy = (await provider.hash.hash(pending.commit)).slice();
    const { changes, epoch } = pending;
    const { maxPastEpochs } = this.host.setting.policy;
    this.enter(enterEpoch(this.state, epoch, changes, { endedBy, endedByOwn: true }, maxPastEpochs));
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
  private enter(state: GroupState): void {
    const signer = state.status === "removed" ? this.signer : signerIn(this.host, state.current);
    this.state = state;
    this.signer = signer;
  }

  /**
   * Drops the pending commit: the delivery service has refused it.
   * @throws MlsError `missing` if there is none
   */
  clearPendingCommit(): Promise<void> {
    return this.lock.run(async () => {
      const { pending } = this.state;
      if (pending === undefined) throw new MlsError("missing", "there is no pending commit");
      this.state = { ...this.state, pending: undefined };
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
    return this.lock.run(async () => {
      if (this.closed) throw new MlsError("closed", "the group is closed");
      const { pending } = this.state;
      if (pending !== undefined && equalBytes(bytes, pending.commit)) return this.merge();
      const { state, received } = await receiveMessage(this.host.setting, this.state, bytes);
      this.enter(state);
      return received;
    });
  }

  /**
   * §8.5: a secret that all members of this epoch derive alike, and nobody else.
   * @param length in bytes
   * @throws MlsError `removed`, `closed`; CryptoError if it is more than the KDF gives
   */
  async exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    if (this.closed || this.state.status === "removed") this.needActive();
    if (!Number.isSafeInteger(length) || length < 0 || length > 0xffff) {
      throw new MlsError("usage", `an exported secret of ${length} bytes`);
    }
    const { exporterSecret } = this.current.secrets;
    return mlsExporter(
      this.host.setting.provider,
      exporterSecret,
      label,
      needBytes(context, "the context"),
      length,
    );
  }

  /**
   * Runs work of an extension of the protocol on the current epoch, in turn with the group's other operations. For
   * extensions, not for applications: they hold what is given to them to the rules that the protocol has for it.
   * @throws MlsError `removed`, `closed`
   */
  withEpoch<T>(work: (access: EpochAccess) => Awaitable<T>): Promise<T> {
    return this.lock.run(async () => {
      if (this.closed || this.state.status === "removed") this.needActive();
      const { groupContext, tree, keys, ledgers } = this.current;
      return work({
        provider: this.host.setting.provider,
        group: { groupContext, tree },
        leafIndex: keys.leafIndex,
        leafKey: keys.leafKey,
        signer: this.signer,
        ledger: (label) => ledgers.get(label),
      });
    });
  }

  /**
   * A signed GroupInfo (§12.4.3) of this epoch, for those who join by an external commit.
   * @returns an encoded MLSMessage
   */
  groupInfo(
    options: {
      readonly externalPub?: boolean;
      readonly ratchetTree?: boolean;
      /** More of them, such as an extension of the protocol makes. */
      readonly extensions?: readonly Extension[];
    } = {},
  ): Promise<Uint8Array> {
    return this.lock.run(async () => {
      this.needActive();
      const epoch = this.current;
      const extensions: Extension[] = [];
      if (options.ratchetTree !== false) extensions.push(ratchetTreeExtension(epoch));
      if (options.externalPub !== false) {
        extensions.push(await externalPubExtension(this.host.setting.provider, epoch));
      }
      const { provider } = this.host.setting;
      const all = registryOf(this.host.setting).groupInfoExtensions(
        [...extensions, ...(options.extensions ?? [])],
        (length) => provider.random(length),
        epoch,
      );
      const groupInfo = await createGroupInfo(epoch, this.signer, all);
      return encode(MlsMessage, { version: 1, wireFormat: WireFormat.groupInfo, groupInfo });
    });
  }

  /**
   * All of this group's state as bytes, for {@link Client.restore}. They hold the group's secrets, but no
   * signature key: keep them as safe as keys. Save after each operation, and before its message is sent: a state
   * restored from before a message was sent would use that message's key once more.
   * @throws MlsError `key-not-extractable` if the backend neither exports nor saves private keys
   */
  save(): Promise<Uint8Array> {
    return this.lock.run(async () => {
      if (this.closed) throw new MlsError("closed", "the group is closed");
      return this.record(undefined);
    });
  }

  /**
   * What {@link save} would give, but of the tree only what changed since the last call of either: small, and made
   * in little time, where the group is large. {@link Client.restore} takes them in their order, after the snapshot;
   * a snapshot makes all that is older superfluous.
   * @throws MlsError `usage` before the first {@link save}, or {@link Client.restore}; `key-not-extractable`
   */
  saveChanges(): Promise<Uint8Array> {
    return this.lock.run(async () => {
      if (this.closed) throw new MlsError("closed", "the group is closed");
      if (this.saved === undefined) throw new MlsError("usage", "there is no snapshot yet: save() makes one");
      return this.record(this.saved);
    });
  }

  private async record(since: SavePoint | undefined): Promise<Uint8Array> {
    const { provider } = this.host.setting;
    const bytes = await saveState(provider, this.state, since);
    this.saved = await savePoint(provider, this.state, bytes);
    return bytes;
  }

  /** Overwrites this group's secrets here, for good; what was saved isn't touched. The others aren't told. */
  close(): Promise<void> {
    return this.lock.run(async () => {
      if (this.closed) return;
      this.closed = true;
      this.state = leaveGroup(this.state);
    });
  }

  /** What a group that follows this one is checked against. @internal */
  get predecessor(): GroupState {
    return this.state;
  }

  /** The resumption PSK of an epoch (§8.6) that is the current one, or kept. @internal */
  resumptionPsk(epoch: bigint): Uint8Array | undefined {
    if (this.closed || this.state.status === "removed") return undefined;
    if (epoch === this.epoch) return this.current.secrets.resumptionPsk;
    return this.state.past.find((past) => past.epoch === epoch)?.resumptionPsk;
  }
}

/** An Add of a client that is in the group already, which makes a commit invalid unless it is removed too. */
function isTaken({ tree }: Epoch, { proposal }: SourcedProposal): boolean {
  return (
    proposal.proposalType === ProposalType.add &&
    tree.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey)
  );
}

/** The signer whose key stands in the own leaf. @throws MlsError `state` if the client has no such signer */
function signerIn(host: GroupHost, { tree, keys }: Epoch): Signer {
  return needSigner(host, tree.leaf(keys.leafIndex) as LeafNode);
}

function needSigner(host: GroupHost, { signatureKey }: LeafNode): Signer {
  const signer = host.signerFor(signatureKey);
  if (signer === undefined) {
    throw new MlsError("state", "the client has no signer for the signature key of its leaf in this group");
  }
  return signer;
}
