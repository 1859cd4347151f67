// RFC 9420 §6, §12: a group of Bob, who receives, and Mallory, who knows all that a member knows, and breaks rules only.
import {
  Client,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type MlsExtension,
  type Policy,
  type Proposal,
  type Signer,
} from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { concat } from "../bytes.js";
import { uint, vector, vectorOf } from "../tls.js";
import {
  type Content,
  contextBytes,
  DEFAULT_POLICY,
  decode,
  deriveWelcomeSecret,
  type Epoch,
  encode,
  encryptWithLabel,
  type FramedContent,
  GroupInfo,
  KeyPackage,
  loadState,
  MlsMessage,
  makeKeyPackageRef,
  RatchetTree,
  RatchetTreeNodes,
  Registry,
  SecretTree,
  type Sender,
  sealPrivate,
  sealPublic,
  signContent,
  signLeafNode,
  signWithLabel,
  welcomeKeyAndNonce,
} from "./core.js";

const SUITE = 1;
const crypto = nodeProvider();
export const provider = crypto.suite(SUITE);
const authentication = insecureAcceptAll();
const policy: Partial<Policy> = { handshake: "public" };

export const EMPTY = new Uint8Array();
export const MEMBER = 1;
export const NEW_MEMBER: Sender = { senderType: 3 };
const [PUBLIC, PRIVATE, WELCOME, GROUP_INFO, KEY_PACKAGE] = [1, 2, 3, 4, 5] as const;

export async function client(
  credential: string,
  extensions: readonly MlsExtension[] = [],
  signer?: Signer,
): Promise<Client> {
  const own = signer ?? (await generateSigner(crypto, SUITE));
  return Client.create({ crypto, suite: SUITE, credential, authentication, policy, extensions, signer: own });
}

/** Bob at leaf 0, Mallory at leaf 1, others behind them. */
export interface Infiltrated {
  readonly bob: Group;
  readonly bobClient: Client;
  readonly follower: PublicGroup;
  readonly signer: Signer;
  /** The signers of all others at their leaves: they may all be in league with Mallory. */
  readonly signers: readonly Signer[];
  readonly epoch: Epoch;
}

export async function infiltrated(
  others = 2,
  extensions: readonly MlsExtension[] = [],
): Promise<Infiltrated> {
  const signer = await generateSigner(crypto, SUITE);
  const bobClient = await client("bob", extensions);
  const mallory = await client("mallory", extensions, signer);
  const bob = await bobClient.createGroup();
  const invited = [await mallory.createKeyPackage()];
  // Leaf 0 is Bob's.
  const signers = [signer, signer];
  for (let i = 0; i < others; i++) {
    const other = await generateSigner(crypto, SUITE);
    signers.push(other);
    invited.push(await (await client(`other ${i}`, extensions, other)).createKeyPackage());
  }
  const { welcome } = await bob.add(invited);
  await bob.mergePendingCommit();
  const joined = await mallory.join(welcome as Uint8Array);
  const follower = await PublicGroup.follow({
    crypto,
    authentication,
    extensions,
    groupInfo: await bob.groupInfo(),
  });
  const config = {
    provider,
    authentication,
    policy: DEFAULT_POLICY,
    psk: () => undefined,
    registry: new Registry(extensions),
  };
  const { state } = await loadState(config, await joined.save());
  return { bob, bobClient, follower, signer, signers, epoch: state.current };
}

interface Framing {
  readonly sender?: Sender;
  readonly signer?: Signer;
  readonly authenticatedData?: Uint8Array;
  /** What is wrong with it: the membership tag, or the signature. */
  readonly junk?: "tag" | "signature";
}

function framed(
  { epoch }: Infiltrated,
  content: Content,
  { sender, authenticatedData = EMPTY }: Framing,
): FramedContent {
  const { groupId, epoch: number } = epoch.groupContext;
  return {
    groupId,
    epoch: number,
    sender: sender ?? { senderType: 1, leafIndex: MEMBER },
    authenticatedData,
    content,
  };
}

async function authOf(from: Infiltrated, wireFormat: 1 | 2, content: FramedContent, how: Framing) {
  const { signature: scheme, hash } = provider.suite;
  const signature =
    how.junk === "signature"
      ? provider.random(scheme.name.includes("Ed25519") ? 64 : 70)
      : await signContent(how.signer ?? from.signer, wireFormat, content, contextBytes(from.epoch));
  return {
    signature,
    confirmationTag: content.content.contentType === 3 ? new Uint8Array(hash.Nh) : undefined,
  };
}

/** A PublicMessage: well signed and tagged, unless something is junk. */
export async function publicly(from: Infiltrated, content: Content, how: Framing = {}): Promise<Uint8Array> {
  const whole = framed(from, content, how);
  const auth = await authOf(from, PUBLIC, whole, how);
  const { membershipKey } = from.epoch.secrets;
  const types = new Registry().proposalTypes;
  const authenticated = { wireFormat: PUBLIC, content: whole, auth };
  const message = await sealPublic(provider, authenticated, contextBytes(from.epoch), membershipKey, types);
  const publicMessage = how.junk === "tag" ? { ...message, membershipTag: provider.random(32) } : message;
  return encode(MlsMessage, { version: 1, wireFormat: PUBLIC, publicMessage });
}

export const committing = (proposals: readonly Proposal[]): Content => ({
  contentType: 3,
  commit: { proposals: proposals.map((proposal) => ({ type: 1, proposal })), path: undefined },
});

/** A PrivateMessage of a member at a leaf, at a generation. All members know the keys of all of them. */
export async function privately(
  from: Infiltrated,
  content: Content,
  { generation = 0, leafIndex = MEMBER, ...how }: Framing & { generation?: number; leafIndex?: number } = {},
): Promise<Uint8Array> {
  const whole = framed(from, content, { ...how, sender: { senderType: 1, leafIndex } });
  const auth = await authOf(from, PRIVATE, whole, how);
  const kind = content.contentType === 1 ? "application" : "handshake";
  const secretTree = SecretTree.load(provider, from.epoch.tree, from.epoch.secretTree.pieces.all(), {
    maxForward: 2 ** 32,
    maxSkipped: 0,
    maxSkippedTotal: 0,
  });
  // The key is taken as a receiver takes it; then the next one is that of the generation.
  if (generation > 0) await (await secretTree.peek(leafIndex, kind, generation - 1)).consume();
  const keys = { secretTree, senderDataSecret: from.epoch.secrets.senderDataSecret };
  const privateMessage = await sealPrivate(provider, { wireFormat: PRIVATE, content: whole, auth }, keys, 0);
  return encode(MlsMessage, { version: 1, wireFormat: PRIVATE, privateMessage });
}

const MANY = 0x7a7a;
const MARK = new Uint8Array(16).fill(0xa7);

/** One extension in the place of as many empty ones as fit `size` bytes: the codec writes no such list. {@link many} */
export function manyExtensions(size: number): { extensionType: number; extensionData: Uint8Array }[] {
  const extensionData = new Uint8Array(Math.max(6, Math.floor(size / 3)) * 3 + 64 * 3 * 3);
  extensionData.set(MARK);
  return [{ extensionType: MANY, extensionData }];
}

/** The bytes with many empty extensions where {@link manyExtensions} stands. The lengths stay. */
function many(encoded: Uint8Array): Uint8Array {
  const bytes = encoded.slice();
  const at = bytes.findIndex((byte, i) => byte === 0xa7 && MARK.every((mark, j) => bytes[i + j] === mark));
  if (at < 0) return bytes;
  const header = vectorHeader(bytes.length);
  for (const length of [header, 2, 1]) {
    const start = at - length - 2;
    if (bytes[start] !== 0x7a || bytes[start + 1] !== 0x7a) continue;
    const view = new DataView(bytes.buffer, start + 2);
    const size = length === 4 ? view.getUint32(0) & 0x3fffffff : view.getUint16(0) & 0x3fff;
    // Of three bytes each; the last one has what is left over as its data.
    const total = 2 + length + size;
    const left = total % 3;
    let i = 0;
    for (; 3 * (i + 1) + left <= total; i++) {
      bytes.set([0x20 + ((i >> 8) & 0x3f), i & 0xff, 0], start + 3 * i);
    }
    bytes.fill(0, start + 3 * i, start + total);
    bytes[start + 3 * i - 1] = left;
    return bytes;
  }
  throw new Error("the mark isn't where it was put");
}

/** A well-signed leaf node of source key_package, with anything in it. */
export async function leafNode(changes: object = {}, signer?: Signer) {
  const own = signer ?? (await generateSigner(crypto, SUITE));
  const { publicKey } = await provider.hpke.generateKeyPair();
  const now = BigInt(Math.floor(Date.now() / 1000));
  return signLeafNode(own, {
    encryptionKey: publicKey,
    signatureKey: own.publicKey,
    credential: { credentialType: 1, identity: EMPTY },
    capabilities: { versions: [1], cipherSuites: [SUITE], extensions: [], proposals: [], credentials: [1] },
    leafNodeSource: { type: 1, lifetime: { notBefore: now - 3600n, notAfter: now + 86400n } },
    extensions: [],
    ...changes,
  });
}

/** A well-signed key package, with anything in it. */
export async function keyPackage(leafChanges: object = {}, changes: object = {}) {
  const signer = await generateSigner(crypto, SUITE);
  const { publicKey: initKey } = await provider.hpke.generateKeyPair();
  const unsigned = {
    version: 1 as const,
    cipherSuite: SUITE,
    initKey,
    leafNode: await leafNode(leafChanges, signer),
    extensions: [],
    ...changes,
  };
  const bytes = encode(MlsMessage, {
    version: 1,
    wireFormat: KEY_PACKAGE,
    keyPackage: { ...unsigned, signature: EMPTY },
  });
  const signature = await signWithLabel(signer, "KeyPackageTBS", many(bytes).subarray(4, bytes.length - 1));
  return { signer, keyPackage: { ...unsigned, signature } };
}

export const keyPackageMessage = (one: Awaited<ReturnType<typeof keyPackage>>["keyPackage"]): Uint8Array =>
  many(encode(MlsMessage, { version: 1, wireFormat: KEY_PACKAGE, keyPackage: one }));

interface GroupInfoForm {
  /** Besides the tree, and `external_pub`. */
  readonly extensions?: readonly { extensionType: number; extensionData: Uint8Array }[];
  readonly groupExtensions?: readonly { extensionType: number; extensionData: Uint8Array }[];
  readonly junk?: boolean;
}

/** A GroupInfo of a group that is wholly the attacker's: with the right tree hash, and signed by the first member. */
export async function groupInfoOf(
  nodes: RatchetTreeNodes,
  signer: Signer,
  leafIndex: number,
  { extensions = [], groupExtensions = [], junk = false }: GroupInfoForm = {},
): Promise<GroupInfo> {
  const tree = encode(RatchetTreeNodes, nodes);
  const { Nh } = provider.suite.hash;
  const treeHash = junk ? provider.random(Nh) : await RatchetTree.fromNodes(nodes).treeHash(provider);
  const external = await provider.hpke.generateKeyPair();
  const unsigned = {
    groupContext: {
      version: 1 as const,
      cipherSuite: SUITE,
      groupId: provider.random(16),
      epoch: 7n,
      treeHash,
      confirmedTranscriptHash: provider.random(Nh),
      extensions: groupExtensions,
    },
    extensions: [
      { extensionType: 4, extensionData: vector(external.publicKey) },
      { extensionType: 2, extensionData: tree },
      ...extensions,
    ],
    confirmationTag: provider.random(Nh),
    signer: leafIndex,
  };
  const bytes = encode(GroupInfo, { ...unsigned, signature: EMPTY });
  const signature = await signWithLabel(signer, "GroupInfoTBS", many(bytes).subarray(0, bytes.length - 1));
  return { ...unsigned, signature: junk ? provider.random(64) : signature };
}

/** @param idSize the size of another group ID, which the codec wouldn't write, in the place of the right one */
export const groupInfoMessage = (groupInfo: GroupInfo, idSize?: number): Uint8Array =>
  withId(many(encode(MlsMessage, { version: 1, wireFormat: GROUP_INFO, groupInfo })), 8, groupInfo, idSize);

/** The bytes with a longer group ID at an offset. */
function withId(bytes: Uint8Array, at: number, { groupContext }: GroupInfo, size?: number): Uint8Array {
  if (size === undefined) return bytes;
  const rest = bytes.subarray(at + vector(groupContext.groupId).length);
  return concat([bytes.subarray(0, at), vector(new Uint8Array(size)), rest]);
}

interface WelcomeForm {
  /** The number of empty entries for others, before the one for the victim. */
  readonly others?: number;
  /** The number of external PSKs, with nothing in their IDs. */
  readonly psks?: number;
  /** As in {@link groupInfoMessage}. */
  readonly idSize?: number | undefined;
}

/** A Welcome with a GroupInfo, encrypted to a key package as it must be: anybody can do that. */
export async function welcomeTo(
  groupInfo: GroupInfo,
  to: Uint8Array,
  { others = 0, psks = 0, idSize }: WelcomeForm,
): Promise<Uint8Array> {
  const { Nh } = provider.suite.hash;
  const { keyPackage: invited } = decode(MlsMessage, to) as { keyPackage: KeyPackage };
  const joinerSecret = provider.random(Nh);
  const welcomeSecret = await deriveWelcomeSecret(provider, joinerSecret, new Uint8Array(Nh));
  const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
  const encoded = withId(many(encode(GroupInfo, groupInfo)), 4, groupInfo, idSize);
  const encryptedGroupInfo = await provider.aead.seal(key, nonce, EMPTY, encoded);
  // External PSKs without an ID and a nonce; no path secret.
  const ids = vectorOf(Array.from({ length: psks }, () => Uint8Array.of(1, 0, 0)));
  const secrets = concat([vector(joinerSecret), uint(1, 0), ids]);
  const sealed = await encryptWithLabel(provider, invited.initKey, "Welcome", encryptedGroupInfo, secrets);
  const reference = await makeKeyPackageRef(provider, KeyPackage.encoding(invited));
  const empty = vectorOf(Array.from({ length: 3 * others }, () => vector()));
  const entries = [
    empty.subarray(vectorHeader(empty.length)),
    vector(reference),
    vector(sealed.kemOutput),
    vector(sealed.ciphertext),
  ];
  return concat([
    uint(2, 1),
    uint(2, WELCOME),
    uint(2, SUITE),
    vectorOf(entries),
    vector(encryptedGroupInfo),
  ]);
}

/** The number of bytes before the contents of a vector that has `whole` bytes with them. */
const vectorHeader = (whole: number): number => (whole <= 64 ? 1 : whole <= 0x4001 ? 2 : 4);

export { authentication, crypto, SUITE };
