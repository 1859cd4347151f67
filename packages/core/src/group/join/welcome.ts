// RFC 9420 §12.4.3.1: joining via a Welcome.
import { EMPTY, equalBytes, equalSecret, wipe } from "../../bytes.js";
import { decode, encode } from "../../codec/index.js";
import { decryptWithLabel, verifyAll, verifyWithLabel } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { OwnKeyPackage } from "../../key-package/index.js";
import {
  deriveEpochSecrets,
  deriveWelcomeSecret,
  welcomeKeyAndNonce,
  wipeSecrets,
} from "../../schedule/index.js";
import {
  checkLeafNode,
  keysFromPathSecret,
  leafNodeVerifyRequest,
  RatchetTree,
  type TreeKeys,
  verifyParentHashes,
} from "../../tree/index.js";
import {
  ExtensionType,
  findExtension,
  GroupContext,
  GroupInfo,
  GroupInfoTBS,
  GroupSecrets,
  RatchetTreeNodes,
  type Welcome,
} from "../../wire/index.js";
import { type GroupConfig, lifetimeRule } from "../config.js";
import { additionalLabels, assembleEpoch, confirm, type Epoch } from "../epoch.js";
import { authenticate, checkOwnSupport, checkResult, checkSize } from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";
import type { GroupState } from "../state.js";
import { GROUP_INFO_LABEL } from "./group-info.js";
import { checkResumption, isResumption, type ResumptionPskId } from "./resumption.js";

/**
 * The epoch that a Welcome leads to.
 * @param own the key package that the Welcome was made for
 * @param ratchetTree the encoded tree, if the GroupInfo doesn't hold it
 * @param predecessor the group that a resumption PSK with usage `reinit` or `branch` refers to
 * @throws ValidationError, CryptoError, DecodeError; MlsError `missing` if there is no tree, or a PSK isn't known
 */
export async function joinByWelcome(
  config: GroupConfig,
  welcome: Welcome,
  own: OwnKeyPackage,
  ratchetTree: Uint8Array | undefined,
  predecessor: (id: ResumptionPskId) => GroupState | undefined,
): Promise<Epoch> {
  const { provider } = config;
  const groupSecrets = await openGroupSecrets(config, welcome, own);
  const { joinerSecret, psks } = groupSecrets;
  let pskSecret: Uint8Array | undefined;
  try {
    ensure(
      joinerSecret.length === provider.suite.hash.Nh,
      "8: the joiner secret has KDF.Nh bytes",
      () => `${joinerSecret.length} bytes`,
    );
    const resumptions = psks.filter(isResumption);
    ensure(
      resumptions.length <= 1,
      "12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK",
    );
    pskSecret = await pskSecretOf(config, psks);
    const groupInfo = await openGroupInfo(config, welcome, joinerSecret, pskSecret);
    const { groupContext } = groupInfo;
    ensure(
      groupContext.cipherSuite === provider.suite.id,
      "12.4.3.1: the cipher suite in the GroupInfo must match the one in the KeyPackage",
    );
    const tree = await openTree(config, groupInfo, ratchetTree);
    checkOwnSupport(config, groupContext.extensions);
    for (const id of resumptions) {
      const old = predecessor(id);
      if (old === undefined)
        throw new MlsError("missing", "the group that this one follows isn't known here");
      checkResumption(config, id, old, { groupContext, tree });
    }
    const leafIndex = tree.findLeaf(own.keyPackage.leafNode);
    ensure(leafIndex !== undefined, "12.4.3.1: a leaf must be identical to the leaf node of the KeyPackage");
    let keys: TreeKeys = { leafIndex, leafKey: own.leafKey, pathKeys: new Map() };
    if (groupSecrets.pathSecret !== undefined) {
      keys = await keysFromPathSecret(
        provider,
        tree,
        keys,
        groupInfo.signer,
        groupSecrets.pathSecret.pathSecret,
      );
    }
    const context = GroupContext.encoding(groupContext);
    const derived = await deriveEpochSecrets(
      provider,
      joinerSecret,
      pskSecret,
      context,
      additionalLabels(config),
    );
    const tag = await confirm(provider, derived.secrets, groupContext);
    if (!equalSecret(tag, groupInfo.confirmationTag)) {
      wipeSecrets(derived);
      ensure(false, "12.4.3.1: the confirmation tag in the GroupInfo must be the one that the epoch gives");
    }
    return await assembleEpoch(config, { groupContext, tree, keys, derived, confirmationTag: tag });
  } finally {
    wipe(joinerSecret, pskSecret, groupSecrets.pathSecret?.pathSecret);
  }
}

/** The GroupSecrets that are encrypted to this client. */
async function openGroupSecrets(
  { provider, registry }: GroupConfig,
  { secrets, encryptedGroupInfo, cipherSuite }: Welcome,
  own: OwnKeyPackage,
): Promise<GroupSecrets> {
  ensure(
    cipherSuite === own.keyPackage.cipherSuite,
    "12.4.3.1: the cipher suite indicated in the KeyPackage must match the one in the Welcome",
  );
  const entry = secrets.find(({ newMember }) => equalBytes(newMember, own.reference));
  if (entry === undefined)
    throw new MlsError("missing", "the Welcome is for none of this client's key packages");
  const plaintext = await decryptWithLabel(
    provider,
    own.initKey,
    "Welcome",
    encryptedGroupInfo,
    entry.encryptedGroupSecrets,
  );
  // The decoded secrets are views of the plaintext, and so are overwritten in it.
  return decode(GroupSecrets, plaintext, registry.proposalTypes);
}

async function openGroupInfo(
  { provider }: GroupConfig,
  { encryptedGroupInfo }: Welcome,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Promise<GroupInfo> {
  const welcomeSecret = await deriveWelcomeSecret(provider, joinerSecret, pskSecret);
  const { key, nonce } = await welcomeKeyAndNonce(provider, welcomeSecret);
  try {
    return decode(GroupInfo, await provider.aead.open(key, nonce, EMPTY, encryptedGroupInfo));
  } finally {
    wipe(welcomeSecret, key, nonce);
  }
}

/**
 * The tree of a GroupInfo, from its extension or from elsewhere, with all that §12.4.3.1 asks of it checked,
 * and the GroupInfo's signature by one of its members.
 * @throws ValidationError, DecodeError; MlsError `missing` without a tree
 */
export async function openTree(
  config: GroupConfig,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<RatchetTree> {
  const { provider, policy } = config;
  const { groupContext, extensions, signer, signature } = groupInfo;
  const nodes =
    ratchetTree === undefined
      ? findExtension(extensions, ExtensionType.ratchetTree, RatchetTreeNodes)
      : decode(RatchetTreeNodes, ratchetTree);
  if (nodes === undefined)
    throw new MlsError("missing", "the ratchet tree is needed: the GroupInfo doesn't hold it");
  const tree = RatchetTree.fromNodes(nodes);
  ensure(
    equalBytes(await tree.treeHash(provider), groupContext.treeHash),
    "12.4.3.1: the tree hash of the ratchet tree must match the tree_hash in the GroupInfo",
  );
  const signatureKey = tree.leaf(signer)?.signatureKey;
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
  checkResult(config, tree, groupContext.extensions);
  config.registry.checkExtensions(extensions, "groupInfo");
  checkSize(config, tree);
  await verifyParentHashes(provider, tree);

  const registry = config.registry;
  const lifetime = lifetimeRule(policy, "any");
  const { groupId } = groupContext;
  const requests = [];
  const { Npk } = provider.suite.kem;
  for (const { leafIndex, leafNode } of tree.members()) {
    checkLeafNode(leafNode, undefined, lifetime);
    registry.checkLeafNode(leafNode, groupContext.extensions);
    ensure(
      leafNode.encryptionKey.length === Npk,
      "5.1.1: an HPKE public key must have the encoding that the KEM gives it",
      () => `${leafNode.encryptionKey.length} bytes at leaf ${leafIndex}`,
    );
    requests.push(leafNodeVerifyRequest(leafNode, groupId, leafIndex));
  }
  const valid = await verifyAll(provider, requests);
  ensure(
    valid.every((one) => one),
    "7.3: the signature on each LeafNode must be valid using signature_key",
  );
  for (const { leafNode } of tree.members()) await authenticate(config, groupId, leafNode);
  return tree;
}
