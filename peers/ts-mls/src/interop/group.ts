// RFC 9420 §11, §12: a client of ts-mls before and in a group, as the harness drives it.
import type {
  CommitAnswer,
  CommitChoice,
  ExtensionChoice,
  GroupInfoAnswer,
  ImplementationGroup,
  ImplementationJoiner,
  NewGroupAnswer,
  NewGroupChoice,
  PrivateKeys,
  ProposalChoice,
  ReinitMember,
  WelcomeChoice,
} from "@copse/interop";
import {
  bytesToBase64,
  type ClientState,
  createApplicationMessage,
  createGroup,
  createProposal,
  encode,
  type GroupContextExtension,
  getOwnLeafNode,
  joinGroupFromBranch,
  joinGroupFromReinit,
  type KeyPackage,
  mlsExporter,
  type PrivateKeyPackage,
  type Proposal,
  processPrivateMessage,
  protocolVersions,
  resumptionPSKUsages,
  wireformats,
} from "ts-mls";
import { ratchetTreeDecoder, ratchetTreeEncoder } from "../internals.js";
import { withLeafKey } from "../keys.js";
import { addProposal, decodeWhole, fromBytes, sameBytes, toBytes } from "../messages.js";
import { createCommit, type FullContext } from "./commit.js";
import { makeGroupInfo, makeUpdate, processCommit, processProposal } from "./handshakes.js";
import { joinByWelcome } from "./join.js";
import { makeKeyPackage, makeParty, type Party, store } from "./party.js";
import { resumption, toExtensions, toProposal } from "./proposals.js";

function readWelcome(bytes: Uint8Array) {
  const message = fromBytes(bytes);
  if (message.wireformat !== wireformats.mls_welcome) throw new Error("not a Welcome");
  return message.welcome;
}

const treeOption = (ratchetTree: Uint8Array | undefined) =>
  ratchetTree && { ratchetTree: decodeWhole(ratchetTreeDecoder, ratchetTree, "a ratchet tree") };

export class TsMlsJoiner implements ImplementationJoiner {
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

export class TsMlsGroup implements ImplementationGroup {
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

  groupInfo(externalTree: boolean): Promise<GroupInfoAnswer> {
    return makeGroupInfo(this.context.cipherSuite, this.state, externalTree);
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
    const { proposal, ...keys } = await makeUpdate(this.context.cipherSuite, this.state);
    this.updates.push(keys);
    return proposal;
  }

  /** Receives a proposal, unless it is known, or an own one. */
  private async learn(bytes: Uint8Array): Promise<string> {
    const known = this.references.get(bytesToBase64(bytes));
    if (known !== undefined) return known;
    const before = new Set(Object.keys(this.state.unappliedProposals));
    this.state = await processProposal(this.context, this.state, bytes);
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
        const state = await processCommit(this.context, tried, commit);
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
