// RFC 9420 §12.4.3.2: an external commit put together from ts-mls's parts, with PSKs and external_pub as the RFC has it.

import { takeVector } from "@copse/interop";
import {
  type ClientState,
  defaultExtensionTypes,
  defaultProposalTypes,
  type GroupInfo,
  type KeyPackage,
  type MlsMessage,
  type PrivateKeyPackage,
  type Proposal,
  proposalOrRefTypes,
  protocolVersions,
  pskTypes,
  type RatchetTree,
  senderTypes,
  wireformats,
} from "ts-mls";
import { commitSecretOf, type FullContext } from "./commit.js";
import {
  clientState,
  framedContent as framing,
  groupInfos,
  keySchedule,
  pathSecrets as paths,
  privateKeyPath,
  pskIndex,
  publicFraming,
  ratchetTrees,
  secretTree,
  treeHash,
  updatePath as updatePaths,
} from "./deep.js";
import { checkTree } from "./join.js";

type LeafIndex = Parameters<typeof ratchetTrees.removeLeafNodeMutable>[1];

export interface ExternalJoinRequest {
  readonly context: FullContext;
  readonly groupInfo: GroupInfo;
  readonly ratchetTree: RatchetTree;
  readonly keyPackage: KeyPackage;
  readonly privateKeys: PrivateKeyPackage;
  /** The leaf of the member whose place is taken. */
  readonly removed: number | undefined;
  readonly pskIds: readonly Uint8Array[];
}

/** @throws whatever ts-mls finds wrong with the GroupInfo */
export async function joinExternally(
  request: ExternalJoinRequest,
): Promise<{ newState: ClientState; commit: MlsMessage }> {
  const { context, groupInfo, keyPackage, privateKeys, removed } = request;
  const { cipherSuite: cs } = context;
  const { groupContext: before } = groupInfo;
  const external = groupInfo.extensions.find(
    ({ extensionType }) => extensionType === defaultExtensionTypes.external_pub,
  );
  if (external === undefined) throw new Error("no external_pub");
  const [externalPub] = takeVector(external.extensionData as Uint8Array);
  const tree = request.ratchetTree.slice();
  await checkTree(tree, before, context);
  const signer = ratchetTrees.getSignaturePublicKeyFromLeafIndex(tree, groupInfo.signer as LeafIndex);
  if (!(await groupInfos.verifyGroupInfoSignature(groupInfo, signer, cs.signature))) {
    throw new Error("the GroupInfo's signature is wrong");
  }
  const { enc: kemOutput, secret: initSecret } = await clientState.exportSecret(externalPub, cs);

  if (removed !== undefined) ratchetTrees.removeLeafNodeMutable(tree, removed as LeafIndex);
  const own = (ratchetTrees.addLeafNodeMutable(tree, keyPackage.leafNode) / 2) as LeafIndex;
  const [, updatePath, secrets, leafKey] = await updatePaths.createUpdatePath(
    tree.slice(),
    tree,
    own,
    before,
    privateKeys.signaturePrivateKey,
    cs,
  );
  const psks = request.pskIds.map((pskId) => ({
    psktype: pskTypes.external,
    pskId,
    pskNonce: cs.rng.randomBytes(cs.kdf.size),
  }));
  const [pskSecret] = await pskIndex.accumulatePskSecret(
    psks,
    clientState.makePskIndex(undefined, context.externalPsks ?? {}),
    cs,
    new Uint8Array(cs.kdf.size),
  );
  const proposals: Proposal[] = [
    { proposalType: defaultProposalTypes.external_init, externalInit: { kemOutput } },
    ...(removed === undefined ? [] : [{ proposalType: defaultProposalTypes.remove, remove: { removed } }]),
    ...psks.map((preSharedKeyId) => ({ proposalType: defaultProposalTypes.psk, psk: { preSharedKeyId } })),
  ];
  const { signature, framedContent } = await framing.createContentCommitSignature(
    before,
    "mls_public_message",
    {
      proposals: proposals.map((proposal) => ({ proposalOrRefType: proposalOrRefTypes.proposal, proposal })),
      path: updatePath,
    },
    { senderType: senderTypes.new_member_commit },
    new Uint8Array(),
    privateKeys.signaturePrivateKey,
    cs.signature,
  );
  const groupContext = await clientState.nextEpochContext(
    before,
    "mls_public_message",
    framedContent,
    signature,
    await treeHash.treeHashRoot(tree, cs.hash),
    groupInfo.confirmationTag,
    cs.hash,
  );
  const commitSecret = await commitSecretOf(secrets.at(-1)?.secret, cs);
  const epoch = await keySchedule.initializeEpoch(initSecret, commitSecret, groupContext, pskSecret, cs.kdf);
  const confirmationTag = await framing.createConfirmationTag(
    epoch.keySchedule.confirmationKey,
    groupContext.confirmedTranscriptHash,
    cs.hash,
  );
  const auth = { contentType: framedContent.contentType, signature, confirmationTag };
  const publicMessage = await publicFraming.protectPublicMessage(
    epoch.keySchedule.membershipKey,
    groupContext,
    { wireformat: wireformats.mls_public_message, content: framedContent, auth },
    cs,
  );
  const newState: ClientState = {
    groupContext,
    ratchetTree: tree,
    secretTree: secretTree.createSecretTree((tree.length + 1) / 2, epoch.encryptionSecret),
    keySchedule: epoch.keySchedule,
    privatePath: privateKeyPath.updateLeafKey(
      await privateKeyPath.toPrivateKeyPath(paths.pathToPathSecrets(secrets), own, cs),
      await cs.hpke.exportPrivateKey(leafKey),
    ),
    unappliedProposals: {},
    historicalReceiverData: new Map(),
    confirmationTag,
    signaturePrivateKey: privateKeys.signaturePrivateKey,
    groupActiveState: { kind: "active" },
  };
  const commit: MlsMessage = {
    version: protocolVersions.mls10,
    wireformat: wireformats.mls_public_message,
    publicMessage,
  };
  return { newState, commit };
}
