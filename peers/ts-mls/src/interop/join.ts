// RFC 9420 §12.4.3.1: joining by a Welcome, put together from ts-mls's parts, with the trees that the RFC allows.
import {
  type ClientState,
  type GroupContext,
  type KeyPackage,
  makeKeyPackageRef,
  nodeTypes,
  type PrivateKeyPackage,
  type RatchetTree,
  type Welcome,
} from "ts-mls";
import { sameBytes } from "../messages.js";
import type { FullContext } from "./commit.js";
import {
  clientState,
  groupInfos,
  keySchedule,
  parentHash,
  pathSecrets as paths,
  privateKeyPath,
  pskIndex,
  ratchetTrees,
  secretTree,
  treeHash,
  updatePath as updatePaths,
  welcomes,
} from "./deep.js";

type LeafIndex = Parameters<typeof ratchetTrees.removeLeafNodeMutable>[1];

/**
 * Its validation refuses trees in which nodes above each other have different unmerged leaves, which §12.4.3.1
 * allows; what it would check after that is checked here.
 * @throws whatever else it finds wrong
 */
export async function checkTree(tree: RatchetTree, group: GroupContext, context: FullContext): Promise<void> {
  const { cipherSuite: cs, clientConfig, authService } = context;
  const { lifetimeConfig } = clientConfig;
  const wrong = await clientState.validateRatchetTree(
    tree,
    group,
    lifetimeConfig,
    authService,
    group.treeHash,
    cs,
  );
  if (wrong === undefined) return;
  if (!wrong.message.includes("must list leaf node in its unmerged_leaves")) throw wrong;
  const right =
    (await parentHash.verifyParentHashes(tree, cs.hash)) &&
    sameBytes(group.treeHash, await treeHash.treeHashRoot(tree, cs.hash));
  if (!right) throw new Error("the ratchet tree's hashes are wrong");
}

export interface JoinRequest {
  readonly context: FullContext;
  readonly welcome: Welcome;
  readonly keyPackage: KeyPackage;
  readonly privateKeys: PrivateKeyPackage;
  readonly ratchetTree: RatchetTree | undefined;
}

/** Joins a group that follows no other one. @throws whatever ts-mls's parts find wrong */
export async function joinByWelcome(request: JoinRequest): Promise<ClientState> {
  const { context, welcome, keyPackage, privateKeys } = request;
  const { cipherSuite: cs } = context;
  const groupSecrets = await welcomes.decryptGroupSecrets(
    await cs.hpke.importPrivateKey(privateKeys.initPrivateKey),
    await makeKeyPackageRef(keyPackage, cs.hash),
    welcome,
    cs.hpke,
  );
  if (groupSecrets === undefined) throw new Error("the group secrets can't be read");
  const { joinerSecret, pathSecret } = groupSecrets;
  const [pskSecret] = await pskIndex.accumulatePskSecret(
    groupSecrets.psks,
    clientState.makePskIndex(undefined, context.externalPsks ?? {}),
    cs,
    new Uint8Array(cs.kdf.size),
  );
  const info = await welcomes.decryptGroupInfo(welcome, joinerSecret, pskSecret, cs);
  if (info === undefined) throw new Error("the GroupInfo can't be read");
  const { groupContext, confirmationTag } = info;
  const tree = groupInfos.ratchetTreeFromExtension(info) ?? request.ratchetTree;
  if (tree === undefined) throw new Error("no ratchet tree");
  const signer = tree[2 * info.signer];
  if (signer?.nodeType !== nodeTypes.leaf) throw new Error("the GroupInfo's signer is no member");
  if (!(await groupInfos.verifyGroupInfoSignature(info, signer.leaf.signaturePublicKey, cs.signature))) {
    throw new Error("the GroupInfo's signature is wrong");
  }
  if (groupContext.cipherSuite !== keyPackage.cipherSuite) throw new Error("another cipher suite");
  await checkTree(tree, groupContext, context);
  const own = ratchetTrees.findLeafIndex(tree, keyPackage.leafNode);
  if (own === undefined) throw new Error("the own leaf isn't in the tree");
  const leaf = { leafIndex: own, privateKeys: { [2 * own]: privateKeys.hpkePrivateKey } };
  const shared = updatePaths.firstCommonAncestor(tree, own, info.signer as LeafIndex);
  const privatePath =
    pathSecret === undefined
      ? leaf
      : privateKeyPath.mergePrivateKeyPaths(
          await privateKeyPath.toPrivateKeyPath(
            await paths.pathToRoot(tree, shared, pathSecret, cs.kdf),
            own,
            cs,
          ),
          leaf,
        );
  const [schedule, encryptionSecret] = await keySchedule.deriveKeySchedule(
    joinerSecret,
    pskSecret,
    groupContext,
    cs.kdf,
  );
  if (!(await groupInfos.verifyGroupInfoConfirmationTag(info, joinerSecret, pskSecret, cs))) {
    throw new Error("the confirmation tag is wrong");
  }
  return {
    groupContext,
    ratchetTree: tree,
    privatePath,
    signaturePrivateKey: privateKeys.signaturePrivateKey,
    confirmationTag,
    unappliedProposals: {},
    keySchedule: schedule,
    secretTree: secretTree.createSecretTree((tree.length + 1) / 2, encryptionSecret),
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
  };
}
