// RFC 9420 §12.4.3: invalid Welcomes, GroupInfos and external commits, with valid signatures and encryption.

import { keyPackageIn, type Party, savedKeyPackages } from "@copse/test-support/clients";
import type { Insider } from "@copse/test-support/insiders";
import { EMPTY } from "../../src/bytes.js";
import { decode, encode } from "../../src/codec/codec.js";
import { decryptWithLabel, encryptWithLabel, signWithLabel } from "../../src/crypto/labelled.js";
import { signContent } from "../../src/framing/authentication.js";
import { contextBytes } from "../../src/group/epoch.js";
import { deriveWelcomeSecret, pskSecret, welcomeKeyAndNonce } from "../../src/schedule/key-schedule.js";
import { signLeafNode } from "../../src/tree/leaf-node.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { type CreatedUpdatePath, createUpdatePath } from "../../src/tree/treekem.js";
import { ProposalOrRefType } from "../../src/wire/commit.js";
import { ExtensionType } from "../../src/wire/extension.js";
import {
  type Content,
  ContentType,
  type FramedContent,
  type Sender,
  SenderType,
  WireFormat,
} from "../../src/wire/framed-content.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import type { Proposal } from "../../src/wire/proposal.js";
import type { PreSharedKeyID } from "../../src/wire/psk.js";
import { NodeType, RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import type { UpdatePath } from "../../src/wire/update-path.js";
import { GroupInfo, GroupInfoTBS, GroupSecrets, type Welcome } from "../../src/wire/welcome.js";
import { filled } from "../proposals.js";

/** A GroupInfo, signed anew. */
export async function signed(info: GroupInfoTBS, by: Insider["signer"]): Promise<GroupInfo> {
  const { groupContext, extensions, confirmationTag, signer } = info;
  const unsigned = { groupContext, extensions, confirmationTag, signer };
  return { ...unsigned, signature: await signWithLabel(by, "GroupInfoTBS", encode(GroupInfoTBS, unsigned)) };
}

export interface TreeForgery {
  /** Other nodes in the tree; its hash in the GroupInfo is the right one. */
  readonly nodes?: (nodes: RatchetTreeNodes) => RatchetTreeNodes | Promise<RatchetTreeNodes>;
  readonly info?: Partial<GroupInfoTBS>;
  readonly context?: Partial<GroupInfo["groupContext"]>;
  readonly by?: Insider["signer"];
}

/** A GroupInfo with a tree in it, both as a member wants them. */
export async function groupInfoOf(from: Insider, forgery: TreeForgery = {}): Promise<GroupInfo> {
  const { epoch, config, signer } = from;
  const before = epoch.tree.toNodes();
  const nodes = (await forgery.nodes?.(before)) ?? before;
  const treeHash = await RatchetTree.fromNodes(nodes).treeHash(config.provider);
  return signed(
    {
      groupContext: { ...epoch.groupContext, treeHash, ...forgery.context },
      extensions: [
        { extensionType: ExtensionType.ratchetTree, extensionData: encode(RatchetTreeNodes, nodes) },
      ],
      confirmationTag: epoch.confirmationTag,
      signer: epoch.keys.leafIndex,
      ...forgery.info,
    },
    forgery.by ?? signer,
  );
}

/** A tree with other contents in the leaf node at an index, signed by `signer` for its place. */
export function withLeaf(
  from: Insider,
  leafIndex: number,
  changes: (leafNode: LeafNode) => Partial<LeafNode>,
  signer: Insider["signer"],
) {
  return async (nodes: RatchetTreeNodes): Promise<RatchetTreeNodes> => {
    const node = nodes[2 * leafIndex];
    if (node?.nodeType !== NodeType.leaf) throw new Error("no leaf");
    const { signature: _, ...unsigned } = { ...node.leafNode, ...changes(node.leafNode) };
    const { groupId } = from.epoch.groupContext;
    const leafNode = await signLeafNode(
      signer,
      { ...unsigned, signatureKey: signer.publicKey },
      { groupId, leafIndex },
    );
    return nodes.map((one, i) => (i === 2 * leafIndex ? { nodeType: NodeType.leaf, leafNode } : one));
  };
}

/** A tree with another parent node at an index. */
export function withParent(nodeIndex: number, change: object) {
  return (nodes: RatchetTreeNodes): RatchetTreeNodes =>
    nodes.map((one, i) => {
      if (i !== nodeIndex) return one;
      if (one?.nodeType !== NodeType.parent) throw new Error("no parent");
      return { ...one, parentNode: { ...one.parentNode, ...change } };
    });
}

export interface WelcomeForgery {
  readonly secrets?: (secrets: GroupSecrets) => GroupSecrets;
  readonly info?: (info: GroupInfo) => GroupInfo | Promise<GroupInfo>;
  readonly welcome?: Partial<Welcome>;
  /** PSKs that it takes. */
  readonly psks?: readonly { readonly id: PreSharedKeyID; readonly psk: Uint8Array }[];
}

/** What is in a Welcome, and the Welcome with something else in it, as its sender could have made it. */
export async function forgeWelcome(
  newMember: Party,
  message: Uint8Array,
  forgery: WelcomeForgery,
): Promise<Uint8Array> {
  const { provider } = newMember.config;
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.welcome) throw new Error("no Welcome");
  const { encryptedGroupInfo, secrets, cipherSuite } = decoded.welcome;
  const own = (await savedKeyPackages(newMember.client)).find(({ reference }) =>
    secrets.some(({ newMember }) => String(newMember) === String(reference)),
  );
  const entry = secrets.find(({ newMember }) => String(newMember) === String(own?.reference));
  if (own === undefined || entry === undefined) throw new Error("a Welcome for somebody else");
  const initKey = await provider.hpke.importPrivateKey(own.initKey);
  const plaintext = await decryptWithLabel(
    provider,
    initKey.privateKey,
    "Welcome",
    encryptedGroupInfo,
    entry.encryptedGroupSecrets,
  );
  const groupSecrets = decode(GroupSecrets, plaintext);
  const nothing = new Uint8Array(provider.suite.hash.Nh);
  const { key, nonce } = await welcomeKeyAndNonce(
    provider,
    await deriveWelcomeSecret(provider, groupSecrets.joinerSecret, nothing),
  );
  const info = decode(GroupInfo, await provider.aead.open(key, nonce, EMPTY, encryptedGroupInfo));
  const changed = (await forgery.info?.(info)) ?? info;
  const { psks = [] } = forgery;
  const welcomeSecret = await deriveWelcomeSecret(
    provider,
    groupSecrets.joinerSecret,
    await pskSecret(provider, psks),
  );
  const keys = await welcomeKeyAndNonce(provider, welcomeSecret);
  const sealed = await provider.aead.seal(keys.key, keys.nonce, EMPTY, encode(GroupInfo, changed));
  const encryptedGroupSecrets = await encryptWithLabel(
    provider,
    initKey.publicKey,
    "Welcome",
    sealed,
    encode(
      GroupSecrets,
      forgery.secrets?.(groupSecrets) ?? { ...groupSecrets, psks: psks.map(({ id }) => id) },
    ),
  );
  const welcome: Welcome = {
    cipherSuite,
    secrets: [{ newMember: entry.newMember, encryptedGroupSecrets }],
    encryptedGroupInfo: sealed,
    ...forgery.welcome,
  };
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.welcome, welcome });
}

/** A message from outside of the group, which takes no membership tag, whatever its content. */
export async function fromOutside(
  { config: _, signer, epoch }: Insider,
  sender: Sender,
  content: Content,
  tag = filled(),
): Promise<Uint8Array> {
  const { groupId, epoch: number } = epoch.groupContext;
  const framed: FramedContent = { groupId, epoch: number, sender, authenticatedData: EMPTY, content };
  const wireFormat = WireFormat.publicMessage;
  const covered = sender.senderType === SenderType.newMemberCommit ? contextBytes(epoch) : undefined;
  const signature = await signContent(signer, wireFormat, framed, covered);
  const confirmationTag = content.contentType === ContentType.commit ? tag : undefined;
  const publicMessage = { content: framed, auth: { signature, confirmationTag }, membershipTag: undefined };
  return encode(MlsMessage, { version: 1, wireFormat, publicMessage });
}

export interface JoinForgery {
  readonly path?: (made: CreatedUpdatePath) => UpdatePath | Promise<UpdatePath>;
  readonly leaf?: (unsigned: LeafNode, replaced: LeafNode | undefined) => Partial<LeafNode>;
  /** Who signs the message. */
  readonly signer?: Insider["signer"];
}

/** An external commit of these proposals, well signed, with a path; refused before its path secrets are looked at. */
export async function forgeJoin(
  inside: Insider,
  joiner: Party,
  proposals: readonly Proposal[],
  forgery: JoinForgery = {},
): Promise<Uint8Array> {
  const { epoch, config } = inside;
  const { signer } = joiner;
  const { groupId } = epoch.groupContext;
  let { tree } = epoch;
  let replaced: LeafNode | undefined;
  for (const one of proposals) {
    if (!("removed" in one) || tree.leaf(one.removed) === undefined) continue;
    replaced = tree.leaf(one.removed);
    tree = tree.remove(one.removed);
  }
  const { credential, capabilities } = keyPackageIn(await joiner.client.createKeyPackage()).leafNode;
  const leafIndex = tree.leftmostBlank();
  const made = await createUpdatePath(config.provider, tree, {
    sender: leafIndex,
    unsignedLeaf: { credential, capabilities, extensions: [], signatureKey: signer.publicKey },
    signer,
    groupId,
    exclude: new Set(),
    groupContext: () => EMPTY,
  });
  let path = (await forgery.path?.(made)) ?? made.updatePath;
  if (forgery.leaf !== undefined) {
    const { signature: _, ...unsigned } = { ...path.leafNode, ...forgery.leaf(path.leafNode, replaced) };
    path = { ...path, leafNode: await signLeafNode(signer, unsigned, { groupId, leafIndex }) };
  }
  const commit = {
    proposals: proposals.map((proposal) => ({ type: ProposalOrRefType.proposal, proposal }) as const),
    path,
  };
  return fromOutside(
    { ...inside, signer: forgery.signer ?? signer },
    { senderType: SenderType.newMemberCommit },
    { contentType: ContentType.commit, commit },
  );
}
