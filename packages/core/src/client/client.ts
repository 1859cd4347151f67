// RFC 9420 §10, §11, §12.4.3: a client: one identity in one cipher suite, its key packages and its groups.
import { copyOf, EMPTY, equalBytes, needBytes, toHex } from "../bytes.js";
import { checkSigner, signerOf } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import {
  buildExternalCommit,
  capabilitiesOf,
  type ClientConfig,
  createEpoch,
  createExternalProposal,
  describeLeaf,
  type Epoch,
  firstState,
  type GroupState,
  joinByWelcome,
  loadKeyPackages,
  loadState,
  type Member,
  needAuthentication,
  policyOf,
  Registry,
  type ResumptionOptions,
  type ResumptionUsage,
  saveKeyPackages,
  type SavePoint,
  secondsNow,
  wipeEpoch,
} from "../group/index.js";
import { createKeyPackage, createLeafNode, type OwnKeyPackage } from "../key-package/index.js";
import type { Awaitable, CipherSuite, CipherSuiteProvider, Signer } from "../provider/index.js";
import {
  basicCredential,
  type Credential,
  type Extension,
  isCustomPsk,
  type PreSharedKeyID,
  ProposalType,
  ProtocolVersion,
  PSKType,
  readGroupInfo,
  readWelcome,
  ResumptionPSKUsage,
  SenderType,
  writeKeyPackage,
} from "../wire/index.js";
import { Group } from "./group.js";
import type { ClientOptions, ExternalJoin, ExternalJoinOptions, JoinOptions, NewGroup } from "./options.js";

/** How far a clock may be behind, in seconds, for a fresh key package to be valid there. */
const CLOCK_SKEW = 60n * 60n;

/**
 * One identity in one cipher suite: makes key packages, and creates, joins and restores groups.
 *
 * From nothing to a decrypted message: {@link Client.create}, {@link createKeyPackage} or
 * {@link createGroup}, `Group.add`, {@link join}, and then `Group.encrypt` and `Group.receive`.
 */
export class Client {
  readonly #provider: CipherSuiteProvider;
  readonly #config: ClientConfig;
  readonly #signer: Signer;
  readonly #registry: Registry;
  readonly #ownCredential: Credential;
  readonly #externalPsk: ClientOptions["externalPsk"];
  /** By the hexadecimal KeyPackageRef. */
  readonly #keyPackages = new Map<string, OwnKeyPackage>();
  /** By the hexadecimal group ID. A group that the application has let go of counts no longer. */
  readonly #groups = new Map<string, WeakRef<Group>>();

  readonly #random = (length: number): Uint8Array => this.#provider.random(length);

  private constructor(options: ClientOptions, provider: CipherSuiteProvider, signer: Signer) {
    const { crypto, credential, authentication, policy, capabilities } = options;
    this.#provider = provider;
    this.#signer = signer;
    this.#externalPsk = options.externalPsk;
    this.#registry = new Registry(options.extensions);
    this.#ownCredential = typeof credential === "string" ? basicCredential(credential) : credential;
    const supported = capabilitiesOf(crypto, this.#registry, capabilities);
    const own = {
      credential: this.#ownCredential,
      capabilities: supported,
      extensions: options.leafExtensions ?? [],
    };
    // The one that was added last counts, if two have the same key.
    const signers = [signer];
    this.#config = {
      provider,
      authentication,
      policy: policyOf(policy),
      psk: (id) => this.#findPsk(id),
      registry: this.#registry,
      ownExtensions: new Set(supported.extensions),
      describeLeaf: () => describeLeaf(this.#registry, this.#random, own),
      signerFor: (publicKey) => signers.find((one) => equalBytes(one.publicKey, publicKey)),
      addSigner: (added) => {
        if (!signers.includes(added)) signers.unshift(added);
      },
    };
  }

  /**
   * @throws UnsupportedError if the provider doesn't serve the suite, or the signer has another scheme;
   *   MlsError `usage` for options that are missing
   */
  static async create(options: ClientOptions): Promise<Client> {
    const { crypto, authentication, credential } = options;
    needAuthentication(authentication);
    if (credential === undefined) throw new MlsError("usage", "a credential is needed");
    const suite = options.suite ?? crypto.suites[0]?.id;
    if (suite === undefined)
      throw new MlsError("unsupported", `${crypto.name} serves no suite on this platform`);
    const provider = crypto.suite(suite);
    const signer = options.signer ?? signerOf(provider, await provider.signature.generateKeyPair());
    checkSigner(provider, signer);
    return new Client(options, provider, signer);
  }

  get cipherSuite(): CipherSuite {
    return this.#provider.suite;
  }

  get credential(): Credential {
    return this.#ownCredential;
  }

  /** `Npk` bytes */
  get signatureKey(): Uint8Array {
    return this.#signer.publicKey.slice();
  }

  /** Another signer that groups of this client may use, or have switched to before they were saved. */
  addSigner(signer: Signer): void {
    checkSigner(this.#provider, signer);
    this.#config.addSigner(signer);
  }

  /** From now on, as long as the policy says. */
  get #lifetime(): { notBefore: bigint; notAfter: bigint } {
    const { policy } = this.#config;
    const now = secondsNow(policy);
    return { notBefore: now - CLOCK_SKEW, notAfter: now + BigInt(policy.lifetime) };
  }

  #freshKeyPackage(given: readonly Extension[] = []): Promise<OwnKeyPackage> {
    const extensions = this.#registry.keyPackageExtensions(given, this.#random);
    return createKeyPackage(
      this.#provider,
      this.#signer,
      this.#config.describeLeaf(),
      this.#lifetime,
      extensions,
    );
  }

  /**
   * A key package (§10) by which others can add this client to a group, once. Its private keys stay here until
   * it is used: {@link saveKeyPackages}.
   * @param options `extensions` of the key package, such as an extension of the protocol makes
   * @returns an encoded MLSMessage
   */
  async createKeyPackage(options: { readonly extensions?: readonly Extension[] } = {}): Promise<Uint8Array> {
    const own = await this.#freshKeyPackage(options.extensions);
    this.#keyPackages.set(toHex(own.reference), own);
    return writeKeyPackage(own.keyPackage);
  }

  /**
   * Creates a group (§11) with this client as its one member.
   * @param options `groupId` is random (`Nh` bytes) if left out
   * @throws ValidationError if this client doesn't support the extensions
   */
  async createGroup(
    options: { readonly groupId?: Uint8Array; readonly extensions?: readonly Extension[] } = {},
  ): Promise<Group> {
    const groupId = copyOf(options.groupId) ?? this.#provider.random(this.#provider.suite.hash.Nh);
    this.#checkNewGroup(groupId);
    const epoch = await createEpoch(
      this.#config,
      groupId,
      options.extensions ?? [],
      await createLeafNode(this.#provider, this.#signer, this.#config.describeLeaf(), this.#lifetime),
    );
    return this.#enterNew(epoch);
  }

  /**
   * Joins a group by a Welcome (§12.4.3.1) that was made for one of this client's key packages, which is used up,
   * unless an extension says that it may be used again (§16.8).
   * @param welcome an encoded MLSMessage
   * @throws MlsError `missing` if the Welcome is for no key package here, the tree is needed, or a PSK isn't
   *   known; ValidationError, CryptoError, DecodeError, MlsError `authentication`
   */
  async join(welcome: Uint8Array, options: JoinOptions = {}): Promise<Group> {
    const message = readWelcome(welcome);
    let own: OwnKeyPackage | undefined;
    for (const { newMember } of message.secrets) own ??= this.#keyPackages.get(toHex(newMember));
    if (own === undefined)
      throw new MlsError("missing", "the Welcome is for none of this client's key packages");
    // Taken out before anything is awaited, so that it can't be used twice; put back if the Welcome is wrong.
    if (!this.#registry.isReusable(own.keyPackage)) this.#keyPackages.delete(toHex(own.reference));
    try {
      const { previous } = options;
      const config: ClientConfig = { ...this.#config, psk: (id) => this.#findPsk(id, previous) };
      const epoch = await joinByWelcome(
        config,
        message,
        own,
        copyOf(options.ratchetTree),
        (id) => this.#findGroup(id.pskGroupId, previous)?.predecessor,
      );
      return this.#enterNew(epoch);
    } catch (error) {
      this.#keyPackages.set(toHex(own.reference), own);
      throw error;
    }
  }

  /**
   * Joins a group by an external commit (§12.4.3.2), which nobody in the group has to be there for. The group
   * that it gives is in the epoch that the commit starts: if the delivery service refuses the commit, the group
   * is to be closed, and the joining tried again with a newer GroupInfo.
   * @param groupInfo an encoded MLSMessage, as `Group.groupInfo` gives it
   * @param options `resync`: this client is a member that has lost its state, and takes its own place;
   *   `psks`: pre-shared keys to bring in
   * @returns the group, and the commit for its members as an encoded MLSMessage
   * @throws MlsError `missing` if the GroupInfo allows nobody in, or the tree is needed; ValidationError,
   *   CryptoError, DecodeError, MlsError `authentication`
   */
  async joinByExternalCommit(
    groupInfo: Uint8Array,
    options: ExternalJoinOptions = {},
  ): Promise<ExternalJoin> {
    const { commit, epoch } = await buildExternalCommit(this.#config, readGroupInfo(groupInfo), {
      signer: this.#signer,
      description: this.#config.describeLeaf(),
      ratchetTree: copyOf(options.ratchetTree),
      formerSelf: this.#formerSelf(options.resync),
      psks: options.psks ?? [],
      custom: options.custom ?? [],
      proposals: (options.proposals ?? []).map((message) => needBytes(message, "a proposal").slice()),
      authenticatedData: copyOf(options.authenticatedData),
    });
    return { group: this.#enterNew(epoch), commit };
  }

  #formerSelf(resync: ExternalJoinOptions["resync"]): ((member: Member) => boolean) | undefined {
    if (resync !== true) return resync || undefined;
    return ({ signatureKey }) => equalBytes(signatureKey, this.#signer.publicKey);
  }

  /**
   * A group as {@link Group.save} saved it. The client must have the signer of its leaf in the group: signature
   * keys are never saved.
   * @param changes what {@link Group.saveChanges} gave since then, all of it in its order
   * @throws MlsError `state` if the bytes are no saved group of this suite, the changes don't follow on it, or the
   *   signer isn't here
   */
  async restore(saved: Uint8Array, ...changes: readonly Uint8Array[]): Promise<Group> {
    const records = [saved, ...changes].map((record) => needBytes(record, "a saved group").slice());
    const { state, saved: savePoint } = await loadState(this.#config, records);
    return this.#enter(state, savePoint);
  }

  #enterNew(epoch: Epoch): Group {
    try {
      this.#checkNewGroup(epoch.groupContext.groupId);
    } catch (error) {
      wipeEpoch(epoch);
      throw error;
    }
    return this.#enter(firstState(epoch));
  }

  #enter(state: GroupState, saved?: SavePoint): Group {
    const group = new Group(this.#config, state, saved);
    this.#groups.set(toHex(state.current.groupContext.groupId), new WeakRef(group));
    return group;
  }

  /** §12.4.3 */
  #checkNewGroup(groupId: Uint8Array): void {
    const known = this.#groups.get(toHex(groupId))?.deref();
    ensure(
      known?.active !== true,
      "12.4.3: group_id must be unique among the groups that a client participates in",
    );
  }

  #findPsk(id: PreSharedKeyID, previous?: Group): Awaitable<Uint8Array | undefined> {
    if (isCustomPsk(id)) return this.#registry.psk(id);
    if (id.pskType === PSKType.external) return this.#externalPsk?.(id.pskId.slice());
    return this.#findGroup(id.pskGroupId, previous)?.resumptionPsk(id.pskEpoch);
  }

  /** The group of an id: the one given, or one of this client's. */
  #findGroup(groupId: Uint8Array, previous: Group | undefined): Group | undefined {
    if (previous !== undefined && equalBytes(previous.groupId, groupId)) return previous;
    return this.#groups.get(toHex(groupId))?.deref();
  }

  /**
   * Proposes to a group that it add this client (§12.1.8), by a fresh key package. If a member commits that, this
   * client joins by the Welcome.
   * @param group as the one who tells of it knows it: its ID, and the epoch that it is in
   * @returns an encoded MLSMessage
   */
  async proposeJoin(
    group: { readonly groupId: Uint8Array; readonly epoch: bigint },
    options: { readonly authenticatedData?: Uint8Array } = {},
  ): Promise<Uint8Array> {
    const own = await this.#freshKeyPackage();
    const message = await createExternalProposal(this.#config, {
      groupId: needBytes(group.groupId, "a group ID").slice(),
      epoch: group.epoch,
      sender: { senderType: SenderType.newMemberProposal },
      signer: this.#signer,
      proposal: { proposalType: ProposalType.add, keyPackage: own.keyPackage },
      authenticatedData: copyOf(options.authenticatedData) ?? EMPTY,
    });
    this.#keyPackages.set(toHex(own.reference), own);
    return message;
  }

  /**
   * Makes a subgroup (§11.3): a new group of some of a group's members, tied to it by a resumption PSK. The other
   * members join by the Welcome; their clients check that the subgroup is one.
   * @param options `add`: key packages of members of the group, as encoded MLSMessages; `extensions`: those of the
   *   group, if left out
   * @throws ValidationError if one of them isn't a member of the group
   */
  branch(
    from: Group,
    options: ResumptionOptions & {
      readonly groupId?: Uint8Array;
      readonly extensions?: readonly Extension[];
    },
  ): Promise<NewGroup> {
    const { groupId: chosen, extensions = from.extensions, ...resumption } = options;
    const groupId = copyOf(chosen) ?? this.#provider.random(this.#provider.suite.hash.Nh);
    return this.#follow(from, ResumptionPSKUsage.branch, groupId, extensions, resumption);
  }

  /**
   * Makes the group that a ReInit asked for (§11.2), once a commit of it was merged or received. This client must
   * be of the ReInit's cipher suite, which may be another one than the old group's.
   * @param options `add`: key packages of all other members of the old group
   * @throws MlsError `usage` if the old group wasn't reinitialized; ValidationError if the new one doesn't fit it
   */
  async reinitialize(from: Group, options: ResumptionOptions): Promise<NewGroup> {
    const { reinit } = from.predecessor;
    if (reinit === undefined)
      throw new MlsError("usage", "the group wasn't reinitialized: commit a ReInit first");
    if (reinit.cipherSuite !== this.cipherSuite.id || reinit.version !== ProtocolVersion.mls10) {
      throw new MlsError(
        "unsupported",
        `the ReInit asks for suite ${reinit.cipherSuite} of version ${reinit.version}`,
      );
    }
    return this.#follow(from, ResumptionPSKUsage.reinit, reinit.groupId, reinit.extensions, options);
  }

  async #follow(
    from: Group,
    usage: ResumptionUsage,
    groupId: Uint8Array,
    extensions: readonly Extension[],
    options: ResumptionOptions,
  ): Promise<NewGroup> {
    const group = await this.createGroup({ groupId, extensions });
    try {
      const { welcome, ratchetTree } = await group.commitResumption(from, usage, options);
      // Nobody else is in the group yet, who could have committed something else.
      await group.mergePendingCommit();
      return { group, welcome, ratchetTree };
    } catch (error) {
      await group.close();
      throw error;
    }
  }

  /**
   * The key packages that aren't used yet, with their private keys, for a client of the same identity that
   * takes this one's place: {@link loadKeyPackages}. Keep them as safe as keys.
   * @throws MlsError `key-not-extractable` if the backend neither exports nor saves private keys
   */
  async saveKeyPackages(): Promise<Uint8Array> {
    return saveKeyPackages(this.#provider, this.#keyPackages.values());
  }

  /** Takes over what {@link saveKeyPackages} saved. @throws MlsError `state` if it is nothing of the kind */
  async loadKeyPackages(saved: Uint8Array): Promise<void> {
    const loaded = await loadKeyPackages(this.#provider, needBytes(saved, "saved key packages").slice());
    for (const own of loaded) this.#keyPackages.set(toHex(own.reference), own);
  }
}
