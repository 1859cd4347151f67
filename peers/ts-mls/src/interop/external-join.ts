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
import type { FullContext } from "./commit.js";
import {
  clientState,
  groupInfos,
  pathSecrets as paths,
  privateKeyPath,
  pskIndex,
  publicFraming,
  ratchetTrees,
  updatePath as updatePaths,
} from "./deep.js";
import { checkTree } from "./join.js";
import { nextEpoch } from "./next-epoch.js";

type CipherSuite = FullContext["cipherSuite"];
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
  const externalPub = externalPubOf(groupInfo);
  const tree = request.ratchetTree.slice();
  await checkTree(tree, before, context);
  await checkSignature(groupInfo, tree, cs);
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
  const { psks, pskSecret } = await externalPsks(request);
  const proposals: Proposal[] = [
    { proposalType: defaultProposalTypes.external_init, externalInit: { kemOutput } },
    ...(removed === undefined ? [] : [{ proposalType: defaultProposalTypes.remove, remove: { removed } }]),
    ...psks.map((preSharedKeyId) => ({ proposalType: defaultProposalTypes.psk, psk: { preSharedKeyId } })),
  ];
  const { content, auth, state } = await nextEpoch(
    {
      wireformat: "mls_public_message",
      commit: {
        proposals: proposals.map((proposal) => ({
          proposalOrRefType: proposalOrRefTypes.proposal,
          proposal,
        })),
        path: updatePath,
      },
      sender: { senderType: senderTypes.new_member_commit },
      signaturePrivateKey: privateKeys.signaturePrivateKey,
      before,
      provisional: before,
      confirmationTagBefore: groupInfo.confirmationTag,
      tree,
      initSecret,
      rootSecret: secrets.at(-1)?.secret,
      pskSecret,
    },
    cs,
  );
  const wireformat = wireformats.mls_public_message;
  const publicMessage = await publicFraming.protectPublicMessage(
    state.keySchedule.membershipKey,
    state.groupContext,
    { wireformat, content, auth },
    cs,
  );
  const newState: ClientState = {
    ...state,
    privatePath: privateKeyPath.updateLeafKey(
      await privateKeyPath.toPrivateKeyPath(paths.pathToPathSecrets(secrets), own, cs),
      await cs.hpke.exportPrivateKey(leafKey),
    ),
    historicalReceiverData: new Map(),
    groupActiveState: { kind: "active" },
  };
  return { newState, commit: { version: protocolVersions.mls10, wireformat, publicMessage } };
}

/** The public key that the init secret of an external commit is encapsulated to. */
function externalPubOf({ extensions }: GroupInfo): Uint8Array {
  const external = extensions.find(
    ({ extensionType }) => extensionType === defaultExtensionTypes.external_pub,
  );
  if (external === undefined) throw new Error("no external_pub");
  const [externalPub] = takeVector(external.extensionData as Uint8Array);
  return externalPub;
}

async function checkSignature(groupInfo: GroupInfo, tree: RatchetTree, cs: CipherSuite): Promise<void> {
  const signer = ratchetTrees.getSignaturePublicKeyFromLeafIndex(tree, groupInfo.signer as LeafIndex);
  if (!(await groupInfos.verifyGroupInfoSignature(groupInfo, signer, cs.signature))) {
    throw new Error("the GroupInfo's signature is wrong");
  }
}

/** §8.4: the ids of the PSKs with fresh nonces, and the secret of all. */
async function externalPsks({ context, pskIds }: ExternalJoinRequest) {
  const { cipherSuite: cs } = context;
  const psks = pskIds.map((pskId) => ({
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
  return { psks, pskSecret };
}
