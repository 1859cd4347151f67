// RFC 9420 over ts-mls: one client in at most one group, in bytes only; for interoperability tests and benchmarks.
import {
  type CiphersuiteImpl,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  createProposal,
  defaultCredentialTypes,
  defaultProposalTypes,
  encode,
  generateKeyPackageWithKey,
  getCiphersuiteImpl,
  getOwnLeafNode,
  type IncomingMessageCallback,
  joinGroup,
  type KeyPackage,
  type LeafNodeUpdate,
  leafNodeSources,
  type MlsContext,
  makeKeyPackageRef,
  mlsExporter,
  nodeTypes,
  type PrivateKeyPackage,
  type Proposal,
  type ProposalWithSender,
  processMessage,
  protocolVersions,
  type SignatureKeyPair,
  unsafeTestingAuthenticationService,
  wireformats,
  zeroOutUint8Array,
} from "ts-mls";
import { ratchetTreeDecoder, ratchetTreeEncoder, signLeafNodeUpdate } from "./internals.js";
import { SUITES, uncompressed, withLeafKey } from "./keys.js";
import { addProposal, decodeWhole, fromBytes, removeProposal, sameBytes, toBytes } from "./messages.js";

/** The cipher suites for which this package installs what ts-mls needs. */
export type Suite = 1 | 2 | 3;

/** The framing of handshake messages: PublicMessage or PrivateMessage (§6). */
export type Handshake = "public" | "private";

export interface TsMlsMember {
  readonly leafIndex: number;
  /** The identity of the member's basic credential, as text; empty for any other credential. */
  readonly identity: string;
  readonly signatureKey: Uint8Array;
}

export interface TsMlsCommitOptions {
  /** KeyPackages to add, each as an MLSMessage. */
  add?: readonly Uint8Array[];
  /** Leaf indices to remove. */
  remove?: readonly number[];
  /** Default `"private"`. */
  handshake?: Handshake;
  /** Whether the Welcome carries the ratchet tree. Default true. */
  ratchetTreeExtension?: boolean;
  authenticatedData?: Uint8Array;
}

export type TsMlsProposal = { add: Uint8Array } | { remove: number } | { update: true };

export type TsMlsReceived =
  | { kind: "application"; data: Uint8Array; authenticatedData: Uint8Array }
  | { kind: "proposal" }
  /** `removed`: the commit removed this client from the group. */
  | { kind: "commit"; removed: boolean };

/** ts-mls's `PrivateKeyPackage`. */
export type TsMlsKeys = Readonly<PrivateKeyPackage>;

/** An Update proposal of ours: the new leaf, and the private HPKE key of it. */
interface Update {
  leafNode: LeafNodeUpdate;
  privateKey: Uint8Array;
}

/**
 * One ts-mls client with a basic credential, in at most one group. What ts-mls throws passes through unchanged.
 *
 * Known limits of ts-mls 2.0.0-rc.10 that a caller meets here:
 * - It commits one single Remove, or one single Update by reference, without an UpdatePath, though §12.4 demands
 *   one; a conforming receiver refuses such a commit. Two removes, two updates or an empty commit have their path.
 * - It encrypts path secrets to the leaf keys from before the commit's Updates, against §7.5 and §12.4.1: a
 *   conforming member whose Update it commits can't decrypt the path. Members who proposed none can.
 * - It encrypts path secrets to the members that the same commit adds, with the keys that were at their leaves
 *   before: those of members whom the commit removes. A conforming receiver refuses Adds beside two Removes of it.
 * - A commit with a path that removes it is an error to it, and if the tree shrinks too, it computes the direct
 *   path of a leaf outside the tree until the process runs out of memory. {@link TsMlsClient.receive} stops such
 *   commits in time, at the price that their confirmation tag isn't verified.
 * - It refuses to join a group whose tree has nodes with unmerged leaves, but not the same ones, one above the
 *   other: it takes §12.4.3.1's rule on intermediate nodes to mean equal lists.
 * - Receiving a path that ends below a blank root, as when the other half of the tree has no member left, it takes
 *   one step too many to the commit secret (§12.4.2: the one after the last path secret of the UpdatePath).
 * - It makes P-256 signature keys in compressed form, against §5.1.1: {@link TsMlsClient.create} rewrites them.
 * - It lets one who was removed make proposals, in the epoch that was.
 * - It has no function that makes an Update proposal; {@link TsMlsClient.propose} assembles one.
 */
export class TsMlsClient {
  readonly name: string;
  readonly suite: Suite;
  readonly #context: MlsContext;
  readonly #signatureKeyPair: SignatureKeyPair;
  #keyPackages: { publicPackage: KeyPackage; privatePackage: PrivateKeyPackage }[] = [];
  #state: ClientState | undefined;
  /** Update proposals sent in this epoch: the next commit may contain one or none. */
  #updates: Update[] = [];

  private constructor(name: string, suite: Suite, context: MlsContext, signatureKeyPair: SignatureKeyPair) {
    this.name = name;
    this.suite = suite;
    this.#context = context;
    this.#signatureKeyPair = signatureKeyPair;
  }

  /**
   * A client with a fresh signature key pair, and `name` as the identity of its basic credential.
   * @param options `compressedKey`: the P-256 key as ts-mls makes it, against §5.1.1
   */
  static async create(
    suite: Suite,
    name: string,
    { compressedKey = false }: { compressedKey?: boolean } = {},
  ): Promise<TsMlsClient> {
    const cipherSuite = await getCiphersuiteImpl(SUITES[suite]);
    const context = { cipherSuite, authService: unsafeTestingAuthenticationService };
    const keys = await cipherSuite.signature.keygen();
    if (suite === 2 && !compressedKey) keys.publicKey = uncompressed(keys.publicKey);
    return new TsMlsClient(name, suite, context, keys);
  }

  /** A fresh KeyPackage as an MLSMessage (§10). Its private keys stay in the client until it joins with them. */
  async keyPackage(): Promise<Uint8Array> {
    const generated = await this.#generateKeyPackage();
    this.#keyPackages.push(generated);
    return toBytes({
      version: protocolVersions.mls10,
      wireformat: wireformats.mls_key_package,
      keyPackage: generated.publicPackage,
    });
  }

  /** The last KeyPackage with its private keys, as ts-mls holds them: for moving to another implementation. */
  get privateKeys(): TsMlsKeys {
    const last = this.#keyPackages.at(-1);
    if (last === undefined) throw new Error("there is no unused key package");
    const { initPrivateKey, hpkePrivateKey, signaturePrivateKey } = last.privatePackage;
    return { initPrivateKey, hpkePrivateKey, signaturePrivateKey };
  }

  async createGroup(groupId: Uint8Array): Promise<void> {
    const { publicPackage, privatePackage } = await this.#generateKeyPackage();
    this.#enter(
      await createGroup({
        context: this.#context,
        groupId,
        keyPackage: publicPackage,
        privateKeyPackage: privatePackage,
      }),
    );
  }

  /**
   * Joins the group of a Welcome.
   * @param welcome an MLSMessage
   * @param ratchetTree an encoded `ratchet_tree` (§12.4.3.3), if the Welcome doesn't carry it
   */
  async join(welcome: Uint8Array, ratchetTree?: Uint8Array): Promise<void> {
    const message = fromBytes(welcome);
    if (message.wireformat !== wireformats.mls_welcome) throw new Error("not a Welcome");
    for (const own of this.#keyPackages) {
      const ref = await makeKeyPackageRef(own.publicPackage, this.#cipherSuite.hash);
      if (!message.welcome.secrets.some(({ newMember }) => sameBytes(newMember, ref))) continue;
      const state = await joinGroup({
        context: this.#context,
        welcome: message.welcome,
        keyPackage: own.publicPackage,
        privateKeys: own.privatePackage,
        ...(ratchetTree && { ratchetTree: decodeWhole(ratchetTreeDecoder, ratchetTree, "a ratchet tree") }),
      });
      this.#keyPackages = this.#keyPackages.filter((kept) => kept !== own);
      this.#enter(state);
      return;
    }
    throw new Error("the Welcome is for none of this client's key packages");
  }

  /** Commits the pending proposals and the given ones, and merges the commit at once. */
  async commit(options: TsMlsCommitOptions = {}): Promise<{ commit: Uint8Array; welcome?: Uint8Array }> {
    const { add = [], remove = [], handshake = "private", ratchetTreeExtension = true } = options;
    const result = await createCommit({
      context: this.#context,
      state: this.#group,
      extraProposals: [...add.map(addProposal), ...remove.map(removeProposal)],
      wireAsPublicMessage: handshake === "public",
      ratchetTreeExtension,
      ...(options.authenticatedData && { authenticatedData: options.authenticatedData }),
    });
    // Not `result.consumed`: the old epoch, which is kept for late messages, still needs what stands there.
    this.#enter(result.newState);
    const commit = toBytes(result.commit);
    return result.welcome ? { commit, welcome: toBytes(result.welcome) } : { commit };
  }

  async propose(proposal: TsMlsProposal, handshake: Handshake = "private"): Promise<Uint8Array> {
    let made: Proposal;
    let update: Update | undefined;
    if ("add" in proposal) made = addProposal(proposal.add);
    else if ("remove" in proposal) made = removeProposal(proposal.remove);
    else {
      update = await this.#makeUpdate();
      made = { proposalType: defaultProposalTypes.update, update: { leafNode: update.leafNode } };
    }
    const { newState, message, consumed } = await createProposal({
      context: this.#context,
      state: this.#group,
      wireAsPublicMessage: handshake === "public",
      proposal: made,
    });
    this.#advance(newState, consumed);
    if (update) this.#updates.push(update);
    return toBytes(message);
  }

  async encrypt(data: Uint8Array, authenticatedData?: Uint8Array): Promise<Uint8Array> {
    const { newState, message, consumed } = await createApplicationMessage({
      context: this.#context,
      state: this.#group,
      message: data,
      ...(authenticatedData && { authenticatedData }),
    });
    this.#advance(newState, consumed);
    return toBytes(message);
  }

  /** Processes a PublicMessage or PrivateMessage of another member, and merges it if it is a commit. */
  async receive(bytes: Uint8Array): Promise<TsMlsReceived> {
    const message = fromBytes(bytes);
    if (
      message.wireformat !== wireformats.mls_private_message &&
      message.wireformat !== wireformats.mls_public_message
    ) {
      throw new Error("neither a PublicMessage nor a PrivateMessage");
    }
    const before = this.#group;
    const result = await this.#process(message, before);
    if (result === "removed") {
      this.#enter({ ...before, groupActiveState: { kind: "removedFromGroup" } });
      return { kind: "commit", removed: true };
    }
    if (result.kind === "applicationMessage") {
      this.#advance(result.newState, result.consumed);
      return { kind: "application", data: result.message, authenticatedData: result.aad };
    }
    if (result.newState.groupContext.epoch === before.groupContext.epoch) {
      this.#advance(result.newState, result.consumed);
      return { kind: "proposal" };
    }
    this.#enter(result.newState, result.consumed);
    return { kind: "commit", removed: false };
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    const { exporterSecret } = this.#group.keySchedule;
    return mlsExporter(exporterSecret, label, context, length, this.#cipherSuite);
  }

  epochAuthenticator(): Uint8Array {
    return this.#group.keySchedule.epochAuthenticator;
  }

  /** The encoded `ratchet_tree` of the current epoch (§12.4.3.3). */
  ratchetTree(): Uint8Array {
    return encode(ratchetTreeEncoder, this.#group.ratchetTree);
  }

  get groupId(): Uint8Array {
    return this.#group.groupContext.groupId;
  }

  get epoch(): bigint {
    return this.#group.groupContext.epoch;
  }

  get ownLeafIndex(): number {
    return this.#group.privatePath.leafIndex;
  }

  /** False once a commit has removed this client. */
  get active(): boolean {
    return this.#group.groupActiveState.kind !== "removedFromGroup";
  }

  get members(): readonly TsMlsMember[] {
    return this.#group.ratchetTree.flatMap((node, nodeIndex) => {
      if (node?.nodeType !== nodeTypes.leaf) return [];
      const { credential, signaturePublicKey: signatureKey } = node.leaf;
      const identity = "identity" in credential ? new TextDecoder().decode(credential.identity) : "";
      return [{ leafIndex: nodeIndex / 2, identity, signatureKey }];
    });
  }

  get #cipherSuite(): CiphersuiteImpl {
    return this.#context.cipherSuite;
  }

  get #group(): ClientState {
    if (!this.#state) throw new Error(`${this.name} is in no group`);
    return this.#state;
  }

  /** The state after a message within an epoch. */
  #advance(state: ClientState, consumed: readonly Uint8Array[]): void {
    this.#state = state;
    consumed.forEach(zeroOutUint8Array);
  }

  /** The state of a new epoch. */
  #enter(state: ClientState, consumed: readonly Uint8Array[] = []): void {
    this.#advance(state, consumed);
    this.#updates = [];
  }

  /**
   * ts-mls knows nothing of the private key of an Update that we proposed: the message is tried with the key of
   * our leaf, then with that of each Update. Its states are immutable, so a failed try changes nothing. Which key
   * belongs to the next epoch says our leaf in the new tree.
   *
   * A commit that removes us is stopped, once it is authenticated and its proposals are checked, before ts-mls
   * looks for a path secret for our leaf: see the class.
   */
  async #process(message: Parameters<typeof processMessage>[0]["message"], state: ClientState) {
    const tries = [state, ...this.#updates.map(({ privateKey }) => withLeafKey(state, privateKey))];
    let removed = false;
    const callback: IncomingMessageCallback = (incoming) => {
      removed = incoming.kind === "commit" && incoming.proposals.some((one) => this.#isRemoved(one));
      return removed ? "reject" : "accept";
    };
    let failure: unknown;
    for (const tried of tries) {
      try {
        const result = await processMessage({ context: this.#context, state: tried, message, callback });
        if (removed) return "removed";
        const { hpkePublicKey } = getOwnLeafNode(result.newState);
        const update = this.#updates.find(({ leafNode }) => sameBytes(leafNode.hpkePublicKey, hpkePublicKey));
        const newState = update ? withLeafKey(result.newState, update.privateKey) : result.newState;
        return { ...result, newState };
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  #isRemoved({ proposal }: ProposalWithSender): boolean {
    const { proposalType } = proposal;
    return (
      proposalType === defaultProposalTypes.remove &&
      "remove" in proposal &&
      proposal.remove.removed === this.ownLeafIndex
    );
  }

  async #makeUpdate(): Promise<Update> {
    const { hpke, signature } = this.#cipherSuite;
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { signaturePublicKey, credential, capabilities, extensions } = getOwnLeafNode(this.#group);
    const {
      groupId: _,
      leafIndex: __,
      ...leafNode
    } = await signLeafNodeUpdate(
      {
        hpkePublicKey: await hpke.exportPublicKey(publicKey),
        signaturePublicKey,
        credential,
        capabilities,
        extensions,
        leafNodeSource: leafNodeSources.update,
        groupId: this.groupId,
        leafIndex: this.ownLeafIndex,
      },
      this.#signatureKeyPair.signKey,
      signature,
    );
    return { leafNode, privateKey: await hpke.exportPrivateKey(privateKey) };
  }

  #generateKeyPackage() {
    return generateKeyPackageWithKey({
      credential: {
        credentialType: defaultCredentialTypes.basic,
        identity: new TextEncoder().encode(this.name),
      },
      signatureKeyPair: this.#signatureKeyPair,
      cipherSuite: this.#cipherSuite,
    });
  }
}
