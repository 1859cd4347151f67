// RFC 9420 §12.4.3: making and opening a GroupInfo.
import { type Bytes, equalBytes } from "../../bytes.js";
import { decode, encode } from "../../codec/index.js";
import { signWithLabel, verifyOwnSignatures, verifyWithLabel } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import { checkMessageSize } from "../../framing/index.js";
import { all, type CipherSuiteProvider, type Signer } from "../../provider/index.js";
import { checkLeafNode, leafNodeVerifyRequest, RatchetTree, verifyParentHashes } from "../../tree/index.js";
import {
  ExtensionType,
  ExternalPub,
  type GroupContext,
  type GroupInfo,
  GroupInfoTBS,
  MlsMessage,
  makeExtension,
  peekTree,
  RatchetTreeNodes,
  WireFormat,
} from "../../wire/index.js";
import { authenticate } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import { type Epoch, type PublicEpoch, publicEpoch } from "../epoch.js";
import { authenticateSenders } from "../external-senders.js";
import { checkTreeSize } from "../limits.js";
import { lifetimeRule } from "../policy.js";
import { checkGroup, type GroupInfoOptions } from "../proposals/index.js";

export const GROUP_INFO_LABEL = "GroupInfoTBS";

/**
 * A GroupInfo (§12.4.3) of an epoch.
 * @param signer must have the signature key of the member's leaf in this epoch
 * @throws MlsError `usage` for another signer
 */
export async function createGroupInfo(
  { provider, registry }: GroupConfig,
  epoch: Epoch,
  signer: Signer,
  { externalPub = true, ratchetTree = true, extensions = [] }: GroupInfoOptions,
): Promise<GroupInfo> {
  const { leafIndex } = epoch.keys;
  const signatureKey = epoch.tree.leaf(leafIndex)?.signatureKey;
  if (signatureKey === undefined || !equalBytes(signatureKey, signer.publicKey)) {
    throw new MlsError("usage", "expected the signer of the own leaf in this epoch, got another key");
  }
  const chosen = [...extensions];
  if (externalPub) {
    const { publicKey } = await provider.hpke.deriveKeyPair(epoch.secrets.externalSecret);
    chosen.unshift(makeExtension(ExtensionType.externalPub, ExternalPub, { externalPub: publicKey }));
  }
  if (ratchetTree)
    chosen.unshift(makeExtension(ExtensionType.ratchetTree, RatchetTreeNodes, epoch.tree.toNodes()));
  const unsigned: GroupInfoTBS = {
    groupContext: epoch.groupContext,
    extensions: registry.withDefaults("groupInfo", chosen, (length) => provider.random(length), epoch),
    confirmationTag: epoch.confirmationTag,
    signer: leafIndex,
  };
  const signature = await signWithLabel(signer, GROUP_INFO_LABEL, encode(GroupInfoTBS, unsigned));
  return { signature, ...unsigned };
}

/** A signed GroupInfo (§12.4.3) as an encoded MLSMessage. */
export async function groupInfoMessage(
  { config, epoch, signer }: { readonly config: GroupConfig; readonly epoch: Epoch; readonly signer: Signer },
  options: GroupInfoOptions,
): Promise<Bytes> {
  const groupInfo = await createGroupInfo(config, epoch, signer, options);
  const message = encode(MlsMessage, { version: 1, wireFormat: WireFormat.groupInfo, groupInfo });
  checkMessageSize(config.policy.maxJoinSize, message.length);
  return message;
}

/**
 * The group that a GroupInfo describes. Checks the GroupInfo and the tree as §12.4.3.1 requires of a new member.
 * @param ratchetTree the encoded tree; needed if the GroupInfo doesn't carry it
 * @throws ValidationError, DecodeError; MlsError `missing` without a tree, `authentication`, `limit`
 */
export async function openGroupInfo(
  config: GroupConfig,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<Pick<PublicEpoch, "groupContext" | "tree">> {
  const { provider, registry } = config;
  const { groupContext, extensions } = groupInfo;
  ensure(
    groupContext.cipherSuite === provider.suite.id,
    "12.4.3.1: the cipher suite in the GroupInfo must match the client's",
    () => `expected suite ${provider.suite.id}, got ${groupContext.cipherSuite}`,
  );
  const nodes =
    ratchetTree ??
    extensions.find(({ extensionType }) => extensionType === ExtensionType.ratchetTree)?.extensionData;
  if (nodes === undefined) {
    throw new MlsError("missing", "expected options.ratchetTree: the GroupInfo doesn't carry the tree");
  }
  checkMessageSize(config.policy.maxJoinSize, nodes.length);
  // The signature comes first: by then nothing has been decoded or hashed but what it covers.
  const peek = peekTree(nodes, groupInfo.signer);
  checkTreeSize(config.policy, peek);
  await verifyGroupInfo(provider, groupInfo, peek.signatureKey);
  const tree = RatchetTree.fromNodes(decode(RatchetTreeNodes, nodes));
  ensure(
    equalBytes(await tree.treeHash(provider), groupContext.treeHash),
    "12.4.3.1: the tree hash of the ratchet tree must match the tree_hash in the GroupInfo",
  );
  checkGroup(config, tree, groupContext.extensions);
  registry.checkExtensions(extensions, "groupInfo");
  await verifyParentHashes(provider, tree);
  await checkWhoIsIn(config, groupContext, tree);
  return { groupContext, tree };
}

/** {@link openGroupInfo} without the epoch's secrets, as followers and external joiners need it. */
export async function openPublicEpoch(
  config: GroupConfig,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<PublicEpoch> {
  const { groupContext, tree } = await openGroupInfo(config, groupInfo, ratchetTree);
  return publicEpoch(config.provider, groupContext, tree, groupInfo.confirmationTag);
}

async function verifyGroupInfo(
  provider: CipherSuiteProvider,
  groupInfo: GroupInfo,
  signatureKey: Uint8Array | undefined,
): Promise<void> {
  const { signer, signature } = groupInfo;
  ensure(
    signatureKey !== undefined,
    "12.4.3.1: the signer of a GroupInfo must be a member",
    () => `leaf ${signer} is blank`,
  );
  const tbs = encode(GroupInfoTBS, groupInfo);
  ensure(
    await verifyWithLabel(provider, signatureKey, GROUP_INFO_LABEL, tbs, signature),
    "12.4.3: new members must verify the signature of the GroupInfo",
  );
}

/**
 * §5.1.1: validates the public key of each node. Members have validated those that came after them; but the creator of a
 * group made its first tree alone, and a key of nobody would let no member commit.
 * @throws CryptoError
 */
async function validateEncryptionKeys({ hpke }: CipherSuiteProvider, tree: RatchetTree): Promise<void> {
  await all(tree.publicKeys.map((key) => hpke.validatePublicKey(key)));
}

/** §12.4.3.1: checks each leaf node of the tree (§7.3), its signature and its credential; and the external senders. */
async function checkWhoIsIn(
  config: GroupConfig,
  { groupId, extensions }: GroupContext,
  tree: RatchetTree,
): Promise<void> {
  const { provider, policy, registry } = config;
  const lifetime = lifetimeRule(policy, "joining");
  const { Npk } = provider.suite.kem;
  const requests = [];
  for (const { leafIndex, leafNode } of tree.members()) {
    checkLeafNode(leafNode, undefined, lifetime);
    registry.checkLeafNode(leafNode, extensions);
    ensure(
      leafNode.encryptionKey.length === Npk,
      "5.1.1: an HPKE public key must have the encoding that the KEM gives it",
      () => `expected ${Npk} bytes, got ${leafNode.encryptionKey.length} at leaf ${leafIndex}`,
    );
    requests.push(leafNodeVerifyRequest(leafNode, groupId, leafIndex));
  }
  await validateEncryptionKeys(provider, tree);
  ensure(
    await verifyOwnSignatures(provider, requests),
    "7.3: the signature on each LeafNode must be valid using signature_key",
  );
  for (const { leafNode: identity } of tree.members()) {
    await authenticate(config, groupId, { identity, role: "member" });
  }
  await authenticateSenders(config, groupId, extensions);
}
