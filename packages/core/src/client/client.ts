// RFC 9420 §10, §11, §12.4.3: a client: one identity in one cipher suite, its key packages and its groups.
import { EMPTY, equalBytes, toHex, wipe } from "../bytes.js";
import { decode, encode, opaque, struct, uint8, uint16, vector } from "../codec/index.js";
import { ensure, MlsError } from "../errors.js";
import { type CustomProposal, ProposalType, SenderType } from "../framing/index.js";
import {
  type AuthenticationService,
  createEpoch,
  createExternalCommit,
  createExternalProposal,
  type Epoch,
  type GroupState,
  joinByWelcome,
  loadState,
  type Member,
  type MlsExtension,
  type Policy,
  Registry,
  type SavePoint,
  type Setting,
  type SuccessionUsage,
  savePoint,
  secondsNow,
  wipeEpoch,
} from "../group/index.js";
import {
  createKeyPackage,
  createLeafNode,
  type LeafDescription,
  type OwnKeyPackage,
} from "../key-package/index.js";
import type {
  Awaitable,
  CipherSuite,
  CipherSuiteProvider,
  CryptoProvider,
  Signer,
} from "../provider/index.js";
import {
  type CustomPsk,
  isCustomPsk,
  type PreSharedKeyID,
  PSKType,
  ResumptionPSKUsage,
} from "../schedule/index.js";
import {
  basicCredential,
  type Capabilities,
  type Credential,
  CredentialType,
  type Extension,
  ProtocolVersion,
} from "../tree/index.js";
import { Group, type GroupHost } from "./group.js";
import { copyOf, needBytes, type SuccessionOptions } from "./messages.js";
import { policyOf } from "./policy.js";
import { readGroupInfo, readKeyPackage, readWelcome, writeKeyPackage } from "./read.js";
import { checkSigner, signerOf } from "./signer.js";

/** What a client supports besides what every client does (§7.2). */
export interface ExtraCapabilities {
  readonly extensions?: readonly number[];
  readonly proposals?: readonly number[];
  /** Credential types; basic and X.509 if left out. */
  readonly credentials?: readonly number[];
}

export interface ClientOptions {
  readonly crypto: CryptoProvider;
  /** Code point of the cipher suite; the provider's first if left out. */
  readonly suite?: number;
  /** Who this client is: a credential, or a name for a basic one. */
  readonly credential: Credential | string;
  /** Decides whose credentials are true. There is no default: without it nobody is authenticated. */
  readonly authentication: AuthenticationService;
  /** Signs for this client; a fresh key pair of the provider if left out, which can't be saved then. */
  readonly signer?: Signer;
  readonly policy?: Partial<Policy>;
  readonly capabilities?: ExtraCapabilities;
  /** Extensions of the own leaf nodes (§7.2), such as an application_id. */
  readonly leafExtensions?: readonly Extension[];
  /** The external PSK of an id (§8.4), if there is one. */
  readonly externalPsk?: (id: Uint8Array) => Awaitable<Uint8Array | undefined>;
  /** Extensions of the protocol (§13). What they register goes into the capabilities. */
  readonly extensions?: readonly MlsExtension[];
}

/** What {@link Client.saveKeyPackages} gives, in a format of Copse's own. */
export const SavedKeyPackages = struct({
  format: uint8,
  cipherSuite: uint16,
  keyPackages: vector(struct({ keyPackage: opaque, reference: opaque, initKey: opaque, leafKey: opaque })),
});

export interface ExternalJoinOptions {
  /** The encoded tree, where the GroupInfo comes without it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /**
   * Whether to take the place of a former self that lost its state: the member with this client's signature key,
   * or, where that is lost too, the one of whom this says so. Then the others' authentication services must take
   * the new credential for a successor of the former one (§5.3.1).
   */
  readonly resync?: boolean | ((member: Member) => boolean) | undefined;
  readonly externalPsks?: readonly Uint8Array[];
  /** Keys of registered types, to bring in. */
  readonly customPsks?: readonly CustomPsk[];
  /** Proposals of registered types, of this client's own. */
  readonly custom?: readonly CustomProposal[];
  /** Proposals of members, encoded MLSMessages, of registered types that an external commit takes up. */
  readonly proposals?: readonly Uint8Array[];
  /** Public bytes that the commit authenticates. */
  readonly authenticatedData?: Uint8Array;
}

export interface JoinOptions {
  /** The encoded tree, where the Welcome comes without it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /** The group that this one follows (§11.2, §11.3), if it is one of another client's, as after a change of suite. */
  readonly previous?: Group | undefined;
}

/** A group that follows another one, and what its other members join by. */
export interface NewGroup {
  readonly group: Group;
  /** An encoded MLSMessage; `undefined` if there is no other member. */
  readonly welcome: Uint8Array | undefined;
  /** The encoded tree for them, if it is kept out of the Welcome. */
  readonly ratchetTree: Uint8Array | undefined;
}

export interface ExternalJoin {
  readonly group: Group;
  readonly commit: Uint8Array;
}

/** How far a clock may be behind, in seconds, for a fresh key package to be valid there. */
const CLOCK_SKEW = 60n * 60n;

/**
 * One identity in one cipher suite: makes key packages, and creates, joins and restores groups.
 *
 * From nothing to a decrypted message: {@link Client.create}, {@link createKeyPackage} or
 * {@link createGroup}, `Group.add`, {@link join}, and then `Group.encrypt` and `Group.receive`.
 */
export class Client {
  private readonly provider: CipherSuiteProvider;
  private readonly setting: Setting;
  private readonly signer: Signer;
  private readonly registry: Registry;
  private readonly ownCredential: Credential;
  private readonly describe: () => LeafDescription;
  private readonly externalPsk: ClientOptions["externalPsk"];
  private readonly host: GroupHost;
  /** By the hexadecimal KeyPackageRef. */
  private readonly keyPackages = new Map<string, OwnKeyPackage>();
  /** By the hexadecimal group ID. A group that the application has let go of counts no longer. */
  private readonly groups = new Map<string, WeakRef<Group>>();

  private constructor(options: ClientOptions, provider: CipherSuiteProvider, signer: Signer) {
    const { crypto, credential, authentication, policy, capabilities } = options;
    this.provider = provider;
    this.signer = signer;
    this.externalPsk = options.externalPsk;
    this.registry = new Registry(options.extensions);
    this.ownCredential = typeof credential === "string" ? basicCredential(credential) : credential;
    const supported = capabilitiesOf(crypto, this.registry, capabilities);
    this.describe = () => this.describeLeaf(supported, options.leafExtensions ?? []);
    this.setting = {
      provider,
      authentication,
      policy: policyOf(policy),
      psk: (id) => this.findPsk(id),
      registry: this.registry,
      ownExtensions: new Set(supported.extensions),
    };
    const signers = new Map([[toHex(signer.publicKey), signer]]);
    this.host = {
      setting: this.setting,
      describe: this.describe,
      signerFor: (publicKey) => signers.get(toHex(publicKey)),
      addSigner: (added) => {
        signers.set(toHex(added.publicKey), added);
      },
    };
  }

  /**
   * @throws UnsupportedError if the provider doesn't serve the suite, or the signer has another scheme;
   *   MlsError `usage` for options that are missing
   */
  static async create(options: ClientOptions): Promise<Client> {
    const { crypto, authentication, credential } = options;
    if (typeof authentication?.validate !== "function") {
      throw new MlsError(
        "usage",
        "an authentication service is needed: it decides whose credentials are true",
      );
    }
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
    return this.provider.suite;
  }

  get credential(): Credential {
    return this.ownCredential;
  }

  /** `Npk` bytes */
  get signatureKey(): Uint8Array {
    return this.signer.publicKey.slice();
  }

  /** What a new leaf node says: what is supported, and values that others are to ignore (§13.5). */
  private describeLeaf(supported: Capabilities, given: readonly Extension[]): LeafDescription {
    const random = (length: number) => this.provider.random(length);
    const pretended = this.registry.pretended(random);
    const extensions = this.registry.leafNodeExtensions(given, random);
    const added = extensions.slice(given.length).map(({ extensionType }) => extensionType);
    const list = (...types: readonly (readonly number[])[]) => [...new Set(types.flat())];
    return {
      credential: this.ownCredential,
      capabilities: {
        versions: supported.versions,
        cipherSuites: list(supported.cipherSuites, pretended.cipherSuites),
        extensions: list(supported.extensions, pretended.extensions, added),
        proposals: list(supported.proposals, pretended.proposals),
        credentials: list(supported.credentials, pretended.credentials),
      },
      extensions,
    };
  }

  /** Another signer that groups of this client may use, or have switched to before they were saved. */
  addSigner(signer: Signer): void {
    checkSigner(this.provider, signer);
    this.host.addSigner(signer);
  }

  /** From now on, as long as the policy says. */
  private get lifetime(): { notBefore: bigint; notAfter: bigint } {
    const { policy } = this.setting;
    const now = secondsNow(policy);
    return { notBefore: now - CLOCK_SKEW, notAfter: now + BigInt(policy.lifetime) };
  }

  private freshKeyPackage(given: readonly Extension[] = []): Promise<OwnKeyPackage> {
    const extensions = this.registry.keyPackageExtensions(given, (length) => this.provider.random(length));
    return createKeyPackage(this.provider, this.signer, this.describe(), this.lifetime, extensions);
  }

  /**
   * A key package (§10) by which others can add this client to a group, once. Its private keys stay here until
   * it is used: {@link saveKeyPackages}.
   * @param options `extensions` of the key package, such as an extension of the protocol makes
   * @returns an encoded MLSMessage
   */
  async createKeyPackage(options: { readonly extensions?: readonly Extension[] } = {}): Promise<Uint8Array> {
    const own = await this.freshKeyPackage(options.extensions);
    this.keyPackages.set(toHex(own.reference), own);
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
    const groupId = copyOf(options.groupId) ?? this.provider.random(this.provider.suite.hash.Nh);
    this.checkNewGroup(groupId);
    const epoch = await createEpoch(
      this.setting,
      groupId,
      options.extensions ?? [],
      await createLeafNode(this.provider, this.signer, this.describe(), this.lifetime),
    );
    return this.enterNew(epoch);
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
    for (const { newMember } of message.secrets) own ??= this.keyPackages.get(toHex(newMember));
    if (own === undefined)
      throw new MlsError("missing", "the Welcome is for none of this client's key packages");
    // Taken out before anything is awaited, so that it can't be used twice; put back if the Welcome is wrong.
    if (!this.registry.isReusable(own.keyPackage)) this.keyPackages.delete(toHex(own.reference));
    try {
      const { previous } = options;
      const setting: Setting = { ...this.setting, psk: (id) => this.findPsk(id, previous) };
      const epoch = await joinByWelcome(
        setting,
        message,
        own,
        copyOf(options.ratchetTree),
        (id) => this.findGroup(id.pskGroupId, previous)?.predecessor,
      );
      return this.enterNew(epoch);
    } catch (error) {
      this.keyPackages.set(toHex(own.reference), own);
      throw error;
    }
  }

  /**
   * Joins a group by an external commit (§12.4.3.2), which nobody in the group has to be there for. The group
   * that it gives is in the epoch that the commit starts: if the delivery service refuses the commit, the group
   * is to be closed, and the joining tried again with a newer GroupInfo.
   * @param groupInfo an encoded MLSMessage, as `Group.groupInfo` gives it
   * @param options `resync`: this client is a member that has lost its state, and takes its own place;
   *   `externalPsks`: ids of external PSKs to bring in
   * @returns the group, and the commit for its members as an encoded MLSMessage
   * @throws MlsError `missing` if the GroupInfo allows nobody in, or the tree is needed; ValidationError,
   *   CryptoError, DecodeError, MlsError `authentication`
   */
  async joinByCommit(groupInfo: Uint8Array, options: ExternalJoinOptions = {}): Promise<ExternalJoin> {
    const { provider, setting, signer } = this;
    const { commit, epoch } = await createExternalCommit(setting, readGroupInfo(groupInfo), {
      signer,
      description: this.describe(),
      ratchetTree: copyOf(options.ratchetTree),
      formerSelf: this.formerSelf(options.resync),
      psks: [
        ...(options.externalPsks ?? []).map((id) => ({
          pskType: PSKType.external,
          pskId: needBytes(id, "a PSK's id").slice(),
          pskNonce: provider.random(provider.suite.hash.Nh),
        })),
        ...(options.customPsks ?? []).map((id) => ({
          ...id,
          pskNonce: provider.random(provider.suite.hash.Nh),
        })),
      ],
      custom: options.custom ?? [],
      proposals: (options.proposals ?? []).map((message) => needBytes(message, "a proposal").slice()),
      authenticatedData: copyOf(options.authenticatedData),
    });
    return { group: this.enterNew(epoch), commit };
  }

  private formerSelf(resync: ExternalJoinOptions["resync"]): ((member: Member) => boolean) | undefined {
    if (resync !== true) return resync || undefined;
    return ({ signatureKey }) => equalBytes(signatureKey, this.signer.publicKey);
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
    const last = (records.at(-1) as Uint8Array).slice();
    try {
      const state = await loadState(this.setting, records[0] as Uint8Array, records.slice(1));
      return this.enter(state, await savePoint(this.provider, state, last));
    } finally {
      wipe(last);
    }
  }

  private enterNew(epoch: Epoch): Group {
    try {
      this.checkNewGroup(epoch.groupContext.groupId);
    } catch (error) {
      wipeEpoch(epoch);
      throw error;
    }
    return this.enter({
      status: "active",
      current: epoch,
      past: [],
      proposals: [],
      pending: undefined,
      reinit: undefined,
    });
  }

  private enter(state: GroupState, saved?: SavePoint): Group {
    const group = new Group(this.host, state, saved);
    this.groups.set(toHex(state.current.groupContext.groupId), new WeakRef(group));
    return group;
  }

  /** §12.4.3 */
  private checkNewGroup(groupId: Uint8Array): void {
    const known = this.groups.get(toHex(groupId))?.deref();
    ensure(
      known?.active !== true,
      "12.4.3: group_id must be unique among the groups that a client participates in",
    );
  }

  private findPsk(id: PreSharedKeyID, previous?: Group): Awaitable<Uint8Array | undefined> {
    if (isCustomPsk(id)) return this.registry.psk(id);
    if (id.pskType === PSKType.external) return this.externalPsk?.(id.pskId.slice());
    return this.findGroup(id.pskGroupId, previous)?.resumptionPsk(id.pskEpoch);
  }

  /** The group of an id: the one given, or one of this client's. */
  private findGroup(groupId: Uint8Array, previous: Group | undefined): Group | undefined {
    if (previous !== undefined && equalBytes(previous.groupId, groupId)) return previous;
    return this.groups.get(toHex(groupId))?.deref();
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
    const own = await this.freshKeyPackage();
    const message = await createExternalProposal(this.provider, {
      groupId: needBytes(group.groupId, "a group ID").slice(),
      epoch: group.epoch,
      sender: { senderType: SenderType.newMemberProposal },
      signer: this.signer,
      proposal: { proposalType: ProposalType.add, keyPackage: own.keyPackage },
      authenticatedData: copyOf(options.authenticatedData) ?? EMPTY,
    });
    this.keyPackages.set(toHex(own.reference), own);
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
    options: SuccessionOptions & {
      readonly groupId?: Uint8Array;
      readonly extensions?: readonly Extension[];
    },
  ): Promise<NewGroup> {
    const { groupId: chosen, extensions = from.extensions, ...succession } = options;
    const groupId = copyOf(chosen) ?? this.provider.random(this.provider.suite.hash.Nh);
    return this.follow(from, ResumptionPSKUsage.branch, groupId, extensions, succession);
  }

  /**
   * Makes the group that a ReInit asked for (§11.2), once a commit of it was merged or received. This client must
   * be of the ReInit's cipher suite, which may be another one than the old group's.
   * @param options `add`: key packages of all other members of the old group
   * @throws MlsError `usage` if the old group wasn't reinitialized; ValidationError if the new one doesn't fit it
   */
  async reinitialize(from: Group, options: SuccessionOptions): Promise<NewGroup> {
    const { reinit } = from.predecessor;
    if (reinit === undefined)
      throw new MlsError("usage", "the group wasn't reinitialized: commit a ReInit first");
    if (reinit.cipherSuite !== this.cipherSuite.id || reinit.version !== ProtocolVersion.mls10) {
      throw new MlsError(
        "unsupported",
        `the ReInit asks for suite ${reinit.cipherSuite} of version ${reinit.version}`,
      );
    }
    return this.follow(from, ResumptionPSKUsage.reinit, reinit.groupId, reinit.extensions, options);
  }

  private async follow(
    from: Group,
    usage: SuccessionUsage,
    groupId: Uint8Array,
    extensions: readonly Extension[],
    options: SuccessionOptions,
  ): Promise<NewGroup> {
    const group = await this.createGroup({ groupId, extensions });
    try {
      const { welcome, ratchetTree } = await group.commitSuccession(from, usage, options);
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
    const { hpke, suite } = this.provider;
    const save = (key: OwnKeyPackage["initKey"]) =>
      hpke.savePrivateKey === undefined ? hpke.exportPrivateKey(key) : hpke.savePrivateKey(key);
    const keyPackages = [];
    for (const { keyPackage, reference, initKey, leafKey } of this.keyPackages.values()) {
      keyPackages.push({
        keyPackage: writeKeyPackage(keyPackage),
        reference,
        initKey: await save(initKey),
        leafKey: await save(leafKey),
      });
    }
    return encode(SavedKeyPackages, { format: 1, cipherSuite: suite.id, keyPackages });
  }

  /** Takes over what {@link saveKeyPackages} saved. @throws MlsError `state` if it is nothing of the kind */
  async loadKeyPackages(saved: Uint8Array): Promise<void> {
    const bytes = needBytes(saved, "saved key packages").slice();
    const { hpke, suite } = this.provider;
    const load = async (key: Uint8Array) =>
      hpke.loadPrivateKey === undefined
        ? (await hpke.importPrivateKey(key)).privateKey
        : hpke.loadPrivateKey(key);
    try {
      const { format, cipherSuite, keyPackages } = decode(SavedKeyPackages, bytes);
      if (format !== 1 || cipherSuite !== suite.id)
        throw new MlsError("state", "key packages of another suite");
      const loaded: OwnKeyPackage[] = [];
      for (const { keyPackage, reference, initKey, leafKey } of keyPackages) {
        loaded.push({
          keyPackage: readKeyPackage(keyPackage),
          reference: reference.slice(),
          initKey: await load(initKey),
          leafKey: await load(leafKey),
        });
      }
      for (const own of loaded) this.keyPackages.set(toHex(own.reference), own);
    } catch (cause) {
      if (!(cause instanceof MlsError) || cause.code === "state") throw cause;
      throw new MlsError("state", "these bytes are no saved key packages", { cause });
    } finally {
      wipe(bytes);
    }
  }
}

/** What leaf nodes advertise: what the provider at hand serves, and what the application says (§7.2). */
function capabilitiesOf(
  crypto: CryptoProvider,
  { supported }: Registry,
  extra: ExtraCapabilities = {},
): Capabilities {
  return {
    versions: [ProtocolVersion.mls10],
    cipherSuites: crypto.suites.map(({ id }) => id),
    extensions: [...(extra.extensions ?? []), ...supported.extensions],
    proposals: [...(extra.proposals ?? []), ...supported.proposals],
    credentials: [
      ...(extra.credentials ?? [CredentialType.basic, CredentialType.x509]),
      ...supported.credentials,
    ],
  };
}
