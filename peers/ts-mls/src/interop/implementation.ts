// RFC 9420 over ts-mls behind the harness's calls: an independent implementation, with its known faults worked around.
import { ECDH } from "node:crypto";
import type {
  CommitAnswer,
  CommitChoice,
  ExtensionChoice,
  GroupInfoAnswer,
  ImplementationGroup,
  ImplementationJoiner,
  ImplementationSigner,
  MlsImplementation,
  NewGroupAnswer,
  NewGroupChoice,
  PrivateKeys,
  ProposalChoice,
  ReinitMember,
  WelcomeChoice,
} from "@copse/interop";
import { takeVector, UnsupportedByImplementation, vector } from "@copse/interop";
import {
  bytesToBase64,
  type CiphersuiteName,
  type ClientState,
  contentTypes,
  createApplicationMessage,
  createGroup,
  createProposal,
  defaultCredentialTypes,
  defaultExtensionTypes,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetimeConfig,
  defaultPaddingConfig,
  defaultProposalTypes,
  encode,
  type GroupContext,
  type GroupContextExtension,
  type GroupInfo,
  type GroupInfoExtension,
  generateKeyPackageWithKey,
  getCiphersuiteImpl,
  getOwnLeafNode,
  type IncomingMessageCallback,
  joinGroupFromBranch,
  joinGroupFromReinit,
  type KeyPackage,
  leafNodeSources,
  mlsExporter,
  nodeTypes,
  type PrivateKeyPackage,
  type Proposal,
  type ProposalWithSender,
  processPrivateMessage,
  processPublicMessage,
  proposeAddExternal,
  protocolVersions,
  pskTypes,
  type RatchetTree,
  resumptionPSKUsages,
  senderTypes,
  unsafeTestingAuthenticationService,
  wireformats,
} from "ts-mls";
import { ratchetTreeDecoder, ratchetTreeEncoder, signLeafNodeUpdate } from "../internals.js";
import { addProposal, decodeWhole, fromBytes, removeProposal, sameBytes, toBytes } from "../messages.js";
import { createCommit, type FullContext } from "./commit.js";
import { clientState, groupInfos, publicFraming } from "./deep.js";
import { joinExternally } from "./external-join.js";
import { joinByWelcome } from "./join.js";

/** The suites for which this package installs what ts-mls needs. */
const SUITES: Readonly<Record<number, CiphersuiteName>> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  2: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
};

type Psks = Record<string, Uint8Array>;

/** One who plays: a name with a fresh signature key. */
interface Party {
  readonly suite: number;
  readonly identity: Uint8Array;
  readonly context: FullContext;
  readonly keys: { signKey: Uint8Array; publicKey: Uint8Array };
}

const stores = new Map<string, Psks>();

async function makeParty(suite: number, identity: Uint8Array): Promise<Party> {
  const name = SUITES[suite];
  if (name === undefined) throw new UnsupportedByImplementation(`no suite ${suite}`);
  const cipherSuite = await getCiphersuiteImpl(name);
  const keys = await cipherSuite.signature.keygen();
  // It makes compressed keys, against §5.1.1.
  if (suite === 2) {
    const point = ECDH.convertKey(keys.publicKey, "prime256v1", undefined, undefined, "uncompressed");
    keys.publicKey = Uint8Array.from(point as Buffer);
  }
  const id = bytesToBase64(identity);
  const externalPsks = stores.get(id) ?? {};
  stores.set(id, externalPsks);
  const context: FullContext = {
    cipherSuite,
    authService: unsafeTestingAuthenticationService,
    externalPsks,
    clientConfig: {
      keyRetentionConfig: { ...defaultKeyRetentionConfig, retainKeysForEpochs: 256 },
      lifetimeConfig: defaultLifetimeConfig,
      keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
      paddingConfig: defaultPaddingConfig,
    },
  };
  return { suite, identity, context, keys };
}

function makeKeyPackage({ identity, context, keys }: Party) {
  return generateKeyPackageWithKey({
    credential: { credentialType: defaultCredentialTypes.basic, identity },
    signatureKeyPair: keys,
    cipherSuite: context.cipherSuite,
  });
}

/** All of them hold bytes here. */
function toExtensions(choices: readonly ExtensionChoice[]): GroupContextExtension[] {
  return choices.map((choice) => choice as unknown as GroupContextExtension);
}

const SENDERS = 5;

function sendersOf(extensions: readonly GroupContextExtension[]): Uint8Array {
  const found = extensions.find(({ extensionType }) => (extensionType as number) === SENDERS);
  return found === undefined ? new Uint8Array() : takeVector(found.extensionData as unknown as Uint8Array)[0];
}

/** The signature keys in an external_senders extension, in their order. */
function senderKeys(extensions: readonly GroupContextExtension[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  let rest = sendersOf(extensions);
  while (rest.length > 0) {
    const [key, afterKey] = takeVector(rest);
    // Basic credentials only: a type of two bytes, and an identity.
    [, rest] = takeVector(afterKey.slice(2));
    keys.push(key);
  }
  return keys;
}

function leafOf(tree: RatchetTree, identity: Uint8Array): number {
  const node = tree.findIndex(
    (one) =>
      one?.nodeType === nodeTypes.leaf &&
      "identity" in one.leaf.credential &&
      sameBytes(one.leaf.credential.identity as Uint8Array, identity),
  );
  if (node < 0) throw new Error("no member has this identity");
  return node / 2;
}

function toProposal(
  choice: Exclude<ProposalChoice, { type: "update" }>,
  { groupContext, tree }: { groupContext: GroupContext; tree: RatchetTree },
  random: (length: number) => Uint8Array,
  nonceLength: number,
): Proposal {
  switch (choice.type) {
    case "add":
      return addProposal(choice.keyPackage);
    case "remove":
      return removeProposal(leafOf(tree, choice.identity));
    case "externalPsk":
      return {
        proposalType: defaultProposalTypes.psk,
        psk: {
          preSharedKeyId: {
            psktype: pskTypes.external,
            pskId: choice.pskId,
            pskNonce: random(nonceLength),
          },
        },
      };
    case "resumptionPsk":
      return resumption(
        groupContext.groupId,
        choice.epoch,
        resumptionPSKUsages.application,
        random(nonceLength),
      );
    case "extensions":
      return {
        proposalType: defaultProposalTypes.group_context_extensions,
        groupContextExtensions: { extensions: toExtensions(choice.extensions) },
      };
    case "externalSender": {
      const others = groupContext.extensions.filter(
        ({ extensionType }) => (extensionType as number) !== SENDERS,
      );
      const extensionData = vector(sendersOf(groupContext.extensions), choice.externalSender);
      return {
        proposalType: defaultProposalTypes.group_context_extensions,
        groupContextExtensions: {
          extensions: [...others, ...toExtensions([{ extensionType: SENDERS, extensionData }])],
        },
      };
    }
    case "reinit":
      return {
        proposalType: defaultProposalTypes.reinit,
        reinit: {
          groupId: choice.groupId,
          version: protocolVersions.mls10,
          cipherSuite: choice.cipherSuite,
          extensions: toExtensions(choice.extensions),
        },
      };
  }
}

function resumption(
  pskGroupId: Uint8Array,
  pskEpoch: bigint,
  usage: (typeof resumptionPSKUsages)[keyof typeof resumptionPSKUsages],
  pskNonce: Uint8Array,
): Proposal {
  const preSharedKeyId = { psktype: pskTypes.resumption, usage, pskGroupId, pskEpoch, pskNonce };
  return { proposalType: defaultProposalTypes.psk, psk: { preSharedKeyId } };
}

/** A GroupInfo and the tree that comes with it or beside it. */
function readGroupInfo({ groupInfo, ratchetTree }: GroupInfoAnswer): { info: GroupInfo; tree: RatchetTree } {
  const message = fromBytes(groupInfo);
  if (message.wireformat !== wireformats.mls_group_info) throw new Error("not a GroupInfo");
  const info = message.groupInfo;
  const tree =
    ratchetTree === undefined
      ? groupInfos.ratchetTreeFromExtension(info)
      : decodeWhole(ratchetTreeDecoder, ratchetTree, "a ratchet tree");
  if (tree === undefined) throw new Error("no ratchet tree");
  return { info, tree };
}

function readWelcome(bytes: Uint8Array) {
  const message = fromBytes(bytes);
  if (message.wireformat !== wireformats.mls_welcome) throw new Error("not a Welcome");
  return message.welcome;
}

const treeOption = (ratchetTree: Uint8Array | undefined) =>
  ratchetTree && { ratchetTree: decodeWhole(ratchetTreeDecoder, ratchetTree, "a ratchet tree") };

class TsMlsJoiner implements ImplementationJoiner {
  readonly keyPackage: Uint8Array;
  readonly privateKeys: PrivateKeys;
  readonly party: Party;
  readonly publicPackage: KeyPackage;
  readonly privatePackage: PrivateKeyPackage;

  constructor(party: Party, publicPackage: KeyPackage, privatePackage: PrivateKeyPackage) {
    this.party = party;
    this.publicPackage = publicPackage;
    this.privatePackage = privatePackage;
    this.keyPackage = toBytes({
      version: protocolVersions.mls10,
      wireformat: wireformats.mls_key_package,
      keyPackage: publicPackage,
    });
    const { initPrivateKey, hpkePrivateKey, signaturePrivateKey } = privatePackage;
    this.privateKeys = { init: initPrivateKey, encryption: hpkePrivateKey, signature: signaturePrivateKey };
  }

  static async of(party: Party): Promise<TsMlsJoiner> {
    const { publicPackage, privatePackage } = await makeKeyPackage(party);
    return new TsMlsJoiner(party, publicPackage, privatePackage);
  }

  storePsk(id: Uint8Array, secret: Uint8Array): void {
    store(this.party, id, secret);
  }

  async join({
    welcome,
    ratchetTree,
    encryptHandshake,
  }: WelcomeChoice & { readonly encryptHandshake: boolean }): Promise<TsMlsGroup> {
    const state = await joinByWelcome({
      context: this.party.context,
      welcome: readWelcome(welcome),
      keyPackage: this.publicPackage,
      privateKeys: this.privatePackage,
      ratchetTree: treeOption(ratchetTree)?.ratchetTree,
    });
    return new TsMlsGroup(this.party, state, encryptHandshake);
  }

  async joinBranch(from: ImplementationGroup, { welcome, ratchetTree }: WelcomeChoice): Promise<TsMlsGroup> {
    if (!(from instanceof TsMlsGroup)) throw new TypeError("a group of another implementation");
    const state = await joinGroupFromBranch({
      context: this.party.context,
      oldState: from.state,
      welcome: readWelcome(welcome),
      keyPackage: this.publicPackage,
      privateKeyPackage: this.privatePackage,
      ...treeOption(ratchetTree),
    });
    return new TsMlsGroup(this.party, state, from.encryptHandshake);
  }

  async joinReinit(from: TsMlsGroup, { welcome, ratchetTree }: WelcomeChoice): Promise<TsMlsGroup> {
    const state = await joinGroupFromReinit({
      context: this.party.context,
      suspendedState: from.state,
      welcome: readWelcome(welcome),
      keyPackage: this.publicPackage,
      privateKeyPackage: this.privatePackage,
      ...treeOption(ratchetTree),
    });
    return new TsMlsGroup(this.party, state, from.encryptHandshake);
  }
}

function store({ context }: Party, id: Uint8Array, secret: Uint8Array): void {
  (context.externalPsks as Psks)[bytesToBase64(id)] = secret;
}

/** The state with another private key for the own leaf. */
function withLeafKey(state: ClientState, key: Uint8Array): ClientState {
  const { leafIndex, privateKeys } = state.privatePath;
  return { ...state, privatePath: { leafIndex, privateKeys: { ...privateKeys, [2 * leafIndex]: key } } };
}

class TsMlsGroup implements ImplementationGroup {
  readonly encryptHandshake: boolean;
  state: ClientState;
  private readonly party: Party;
  private pending: ClientState | undefined;
  /** The references of this epoch's proposals by their messages in base64; also of own ones. */
  private references = new Map<string, string>();
  private updates: { publicKey: Uint8Array; privateKey: Uint8Array }[] = [];

  constructor(party: Party, state: ClientState, encryptHandshake: boolean) {
    this.party = party;
    this.state = state;
    this.encryptHandshake = encryptHandshake;
  }

  private get context(): FullContext {
    return this.party.context;
  }

  get epochAuthenticator(): Uint8Array {
    return this.state.keySchedule.epochAuthenticator;
  }

  async groupInfo(externalTree: boolean): Promise<GroupInfoAnswer> {
    const { cipherSuite: cs } = this.context;
    const { publicKey } = await cs.hpke.deriveKeyPair(this.state.keySchedule.externalSecret);
    const ratchetTree = encode(ratchetTreeEncoder, this.state.ratchetTree);
    // Its own function leaves out the length of the key, against §12.4.3.2.
    const extensions: GroupInfoExtension[] = [
      {
        extensionType: defaultExtensionTypes.external_pub,
        extensionData: vector(await cs.hpke.exportPublicKey(publicKey)),
      },
    ];
    if (!externalTree) {
      extensions.push({ extensionType: defaultExtensionTypes.ratchet_tree, extensionData: ratchetTree });
    }
    const { groupContext, confirmationTag, privatePath, signaturePrivateKey } = this.state;
    const groupInfo = await groupInfos.signGroupInfo(
      { groupContext, extensions, confirmationTag, signer: privatePath.leafIndex },
      signaturePrivateKey,
      cs.signature,
    );
    return {
      groupInfo: toBytes({
        version: protocolVersions.mls10,
        wireformat: wireformats.mls_group_info,
        groupInfo,
      }),
      ratchetTree: externalTree ? ratchetTree : undefined,
    };
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return mlsExporter(
      this.state.keySchedule.exporterSecret,
      label,
      context,
      length,
      this.context.cipherSuite,
    );
  }

  async protect(message: Uint8Array, authenticatedData: Uint8Array): Promise<Uint8Array> {
    const made = await createApplicationMessage({
      context: this.context,
      state: this.state,
      message,
      authenticatedData,
    });
    this.state = made.newState;
    return toBytes(made.message);
  }

  async unprotect(ciphertext: Uint8Array): Promise<{ plaintext: Uint8Array; authenticatedData: Uint8Array }> {
    const message = fromBytes(ciphertext);
    if (message.wireformat !== wireformats.mls_private_message) throw new Error("not a PrivateMessage");
    const { privateMessage } = message;
    const result = await processPrivateMessage({ context: this.context, state: this.state, privateMessage });
    if (result.kind !== "applicationMessage") throw new Error("no application data");
    this.state = result.newState;
    return { plaintext: result.message, authenticatedData: result.aad };
  }

  storePsk(id: Uint8Array, secret: Uint8Array): void {
    store(this.party, id, secret);
  }

  private proposal(choice: Exclude<ProposalChoice, { type: "update" }>): Proposal {
    const { rng, kdf } = this.context.cipherSuite;
    const { groupContext, ratchetTree: tree } = this.state;
    return toProposal(choice, { groupContext, tree }, (length) => rng.randomBytes(length), kdf.size);
  }

  async propose(choice: ProposalChoice): Promise<Uint8Array> {
    const proposal = choice.type === "update" ? await this.ownUpdate() : this.proposal(choice);
    const before = new Set(Object.keys(this.state.unappliedProposals));
    const made = await createProposal({
      context: this.context,
      state: this.state,
      wireAsPublicMessage: !this.encryptHandshake,
      proposal,
    });
    this.state = made.newState;
    const message = toBytes(made.message);
    this.remember(message, before);
    return message;
  }

  /** Which proposal is new says its reference. */
  private remember(message: Uint8Array, before: ReadonlySet<string>): string {
    const reference = Object.keys(this.state.unappliedProposals).find((one) => !before.has(one));
    if (reference === undefined) throw new Error("no new proposal");
    this.references.set(bytesToBase64(message), reference);
    return reference;
  }

  private async ownUpdate(): Promise<Proposal> {
    const { hpke, signature } = this.context.cipherSuite;
    const pair = await hpke.generateKeyPair();
    const publicKey = await hpke.exportPublicKey(pair.publicKey);
    const { signaturePublicKey, credential, capabilities, extensions } = getOwnLeafNode(this.state);
    const {
      groupId: _,
      leafIndex: __,
      ...leafNode
    } = await signLeafNodeUpdate(
      {
        hpkePublicKey: publicKey,
        signaturePublicKey,
        credential,
        capabilities,
        extensions,
        leafNodeSource: leafNodeSources.update,
        groupId: this.state.groupContext.groupId,
        leafIndex: this.state.privatePath.leafIndex,
      },
      this.state.signaturePrivateKey,
      signature,
    );
    this.updates.push({ publicKey, privateKey: await hpke.exportPrivateKey(pair.privateKey) });
    return { proposalType: defaultProposalTypes.update, update: { leafNode } };
  }

  /** Receives a proposal, unless it is known, or an own one. */
  private async learn(bytes: Uint8Array): Promise<string> {
    const known = this.references.get(bytesToBase64(bytes));
    if (known !== undefined) return known;
    const message = fromBytes(bytes);
    const { context, state } = this;
    const before = new Set(Object.keys(state.unappliedProposals));
    if (message.wireformat === wireformats.mls_private_message) {
      const { privateMessage } = message;
      this.state = (await processPrivateMessage({ context, state, privateMessage })).newState;
    } else if (message.wireformat === wireformats.mls_public_message) {
      const { publicMessage } = message;
      const { content } = publicMessage;
      if (content.contentType !== contentTypes.proposal) throw new Error("no proposal");
      const key =
        content.sender.senderType === senderTypes.external
          ? senderKeys(state.groupContext.extensions)[content.sender.senderIndex]
          : undefined;
      if (key === undefined) {
        this.state = (await processPublicMessage({ context, state, publicMessage })).newState;
      } else {
        const opened = await publicFraming.unprotectPublicMessage(
          state.keySchedule.membershipKey,
          state.groupContext,
          state.ratchetTree,
          publicMessage,
          context.cipherSuite,
          key,
        );
        this.state = await clientState.processProposal(
          state,
          opened,
          content.proposal,
          context.cipherSuite.hash,
        );
      }
    } else throw new Error("neither a PublicMessage nor a PrivateMessage");
    return this.remember(bytes, before);
  }

  async commit({ byReference, byValue, forcePath, externalTree }: CommitChoice): Promise<CommitAnswer> {
    const references: string[] = [];
    for (const message of byReference) references.push(await this.learn(message));
    const proposals = byValue.map((choice) => {
      if (choice.type === "update") throw new Error("an Update of the committer's can't be committed");
      return this.proposal(choice);
    });
    const made = await createCommit({
      context: this.context,
      state: this.state,
      references,
      proposals,
      publicMessage: !this.encryptHandshake,
      forcePath,
      treeInWelcome: !externalTree,
    });
    this.pending = made.newState;
    return {
      commit: toBytes(made.commit),
      welcome: made.welcome && toBytes(made.welcome),
      ratchetTree: externalTree ? encode(ratchetTreeEncoder, made.newState.ratchetTree) : undefined,
    };
  }

  private enter(state: ClientState): void {
    this.state = state;
    this.pending = undefined;
    this.references = new Map();
    this.updates = [];
  }

  async mergeCommit(): Promise<void> {
    if (this.pending === undefined) throw new Error("no pending commit");
    this.enter(this.pending);
  }

  async receiveCommit(commit: Uint8Array, proposals: readonly Uint8Array[]): Promise<void> {
    for (const message of proposals) await this.learn(message);
    const tries = [this.state, ...this.updates.map(({ privateKey }) => withLeafKey(this.state, privateKey))];
    let failure: unknown;
    for (const tried of tries) {
      try {
        const state = await this.process(commit, tried);
        const { hpkePublicKey } = getOwnLeafNode(state);
        const update = this.updates.find(({ publicKey }) => sameBytes(publicKey, hpkePublicKey));
        this.enter(update === undefined ? state : withLeafKey(state, update.privateKey));
        return;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  private async process(commit: Uint8Array, before: ClientState): Promise<ClientState> {
    const message = fromBytes(commit);
    const { context } = this;
    // It takes a GroupContextExtensions proposal with none for no such proposal: the old context is emptied for it.
    const groupContext = { ...before.groupContext };
    const state = { ...before, groupContext };
    const callback: IncomingMessageCallback = (incoming) => {
      if (incoming.kind === "commit" && incoming.proposals.some(emptiesExtensions)) {
        groupContext.extensions = [];
      }
      return "accept";
    };
    if (message.wireformat === wireformats.mls_public_message) {
      const { publicMessage } = message;
      return (await processPublicMessage({ context, state, publicMessage, callback })).newState;
    }
    if (message.wireformat !== wireformats.mls_private_message) throw new Error("no commit");
    const { privateMessage } = message;
    return (await processPrivateMessage({ context, state, privateMessage, callback })).newState;
  }

  async branch({
    groupId,
    extensions,
    ...choice
  }: NewGroupChoice & {
    readonly groupId: Uint8Array;
    readonly extensions: readonly ExtensionChoice[];
  }): Promise<NewGroupAnswer> {
    return this.follow(
      await TsMlsJoiner.of(this.party),
      resumptionPSKUsages.branch,
      groupId,
      toExtensions(extensions),
      choice,
    );
  }

  private async follow(
    own: TsMlsJoiner,
    usage: Parameters<typeof resumption>[2],
    groupId: Uint8Array,
    extensions: GroupContextExtension[],
    { keyPackages, forcePath, externalTree }: NewGroupChoice,
  ): Promise<NewGroupAnswer> {
    const { context } = own.party;
    const { groupContext } = this.state;
    const state = await createGroup({
      context,
      groupId,
      keyPackage: own.publicPackage,
      privateKeyPackage: own.privatePackage,
      extensions,
    });
    const nonce = context.cipherSuite.rng.randomBytes(context.cipherSuite.kdf.size);
    const made = await createCommit({
      context,
      state,
      references: [],
      proposals: [
        ...keyPackages.map(addProposal),
        resumption(groupContext.groupId, groupContext.epoch, usage, nonce),
      ],
      publicMessage: !this.encryptHandshake,
      forcePath,
      treeInWelcome: !externalTree,
      previous: this.state,
    });
    return {
      group: new TsMlsGroup(own.party, made.newState, this.encryptHandshake),
      welcome: made.welcome && toBytes(made.welcome),
      ratchetTree: externalTree ? encode(ratchetTreeEncoder, made.newState.ratchetTree) : undefined,
    };
  }

  async prepareReinit(): Promise<ReinitMember> {
    const { groupActiveState } = this.state;
    if (groupActiveState.kind !== "suspendedPendingReinit") throw new Error("no ReInit was committed");
    const { cipherSuite, groupId, extensions } = groupActiveState.reinit;
    const own = await TsMlsJoiner.of(await makeParty(cipherSuite, this.party.identity));
    return {
      keyPackage: own.keyPackage,
      join: (choice) => own.joinReinit(this, choice),
      create: (choice) => this.follow(own, resumptionPSKUsages.reinit, groupId, extensions, choice),
    };
  }

  async free(): Promise<void> {
    this.references.clear();
  }
}

function emptiesExtensions({ proposal }: ProposalWithSender): boolean {
  return "groupContextExtensions" in proposal && proposal.groupContextExtensions.extensions.length === 0;
}

function makeSigner({ identity, keys, context }: Party): ImplementationSigner {
  const { rng, kdf } = context.cipherSuite;
  return {
    externalSender: new Uint8Array([...vector(keys.publicKey), 0, 1, ...vector(identity)]),
    async propose(groupInfo, choice) {
      const { info, tree } = readGroupInfo(groupInfo);
      const { groupContext } = info;
      if (choice.type === "update") throw new Error("an external sender can't propose this");
      const senderIndex = senderKeys(groupContext.extensions).findIndex((key) =>
        sameBytes(key, keys.publicKey),
      );
      if (senderIndex < 0) throw new Error("the group doesn't list this signer");
      const made = await publicFraming.protectExternalProposalPublic(
        keys.signKey,
        groupContext,
        new Uint8Array(),
        toProposal(choice, { groupContext, tree }, (length) => rng.randomBytes(length), kdf.size),
        { senderType: senderTypes.external, senderIndex },
        context.cipherSuite,
      );
      return toBytes({
        version: protocolVersions.mls10,
        wireformat: wireformats.mls_public_message,
        publicMessage: made.publicMessage,
      });
    },
  };
}

/** An implementation for `mlsClientService`: ts-mls 2.0.0-rc.10 in suites 1, 2 and 3. */
export function tsMlsImplementation(): MlsImplementation {
  return {
    name: "ts-mls",
    suites: Object.keys(SUITES).map(Number),
    async createGroup({ groupId, cipherSuite, encryptHandshake, identity }) {
      const own = await TsMlsJoiner.of(await makeParty(cipherSuite, identity));
      const state = await createGroup({
        context: own.party.context,
        groupId,
        keyPackage: own.publicPackage,
        privateKeyPackage: own.privatePackage,
      });
      return new TsMlsGroup(own.party, state, encryptHandshake);
    },
    async createKeyPackage({ cipherSuite, identity }) {
      return TsMlsJoiner.of(await makeParty(cipherSuite, identity));
    },
    async externalJoin({ groupInfo, ratchetTree, encryptHandshake, identity, removePrior, psks }) {
      const { info, tree } = readGroupInfo({ groupInfo, ratchetTree });
      const own = await TsMlsJoiner.of(await makeParty(info.groupContext.cipherSuite, identity));
      for (const { id, secret } of psks) own.storePsk(id, secret);
      const { newState, commit } = await joinExternally({
        context: own.party.context,
        groupInfo: info,
        ratchetTree: tree,
        keyPackage: own.publicPackage,
        privateKeys: own.privatePackage,
        removed: removePrior ? leafOf(tree, identity) : undefined,
        pskIds: psks.map(({ id }) => id),
      });
      return { group: new TsMlsGroup(own.party, newState, encryptHandshake), commit: toBytes(commit) };
    },
    async newMemberAddProposal({ groupInfo, identity }) {
      const { info } = readGroupInfo({ groupInfo, ratchetTree: undefined });
      const joiner = await TsMlsJoiner.of(await makeParty(info.groupContext.cipherSuite, identity));
      const proposal = await proposeAddExternal(
        info,
        joiner.publicPackage,
        joiner.privatePackage,
        joiner.party.context.cipherSuite,
      );
      return { joiner, proposal: toBytes(proposal) };
    },
    async createExternalSigner({ cipherSuite, identity }) {
      return makeSigner(await makeParty(cipherSuite, identity));
    },
  };
}
