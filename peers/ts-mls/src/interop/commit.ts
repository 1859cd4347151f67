// RFC 9420 §12.4.1: a commit put together from ts-mls's parts, as the RFC has it where ts-mls's own function hasn't.
import {
  base64ToBytes,
  type ClientState,
  defaultExtensionTypes,
  defaultProposalTypes,
  encode,
  type GroupContext,
  type GroupContextExtension,
  type GroupInfoExtension,
  type MlsContext,
  type MlsMessage,
  makeKeyPackageRef,
  type Proposal,
  type ProposalOrRef,
  proposalOrRefTypes,
  protocolVersions,
  senderTypes,
  wireformats,
} from "ts-mls";
import { ratchetTreeEncoder } from "../internals.js";
import {
  clientState,
  framedContent as framing,
  groupInfos,
  kdf,
  keySchedule,
  pathSecrets as paths,
  privateFraming,
  privateKeyPath,
  publicFraming,
  ratchetTrees,
  secretTree,
  treeHash,
  updatePath as updatePaths,
  welcomes,
} from "./deep.js";

type LeafIndex = Parameters<typeof ratchetTrees.removeLeafNodeMutable>[1];
export type Config = NonNullable<MlsContext["clientConfig"]>;
export type FullContext = MlsContext & { readonly clientConfig: Config };

export interface CommitRequest {
  readonly context: FullContext;
  readonly state: ClientState;
  /** References of unapplied proposals, as the state has them. */
  readonly references: readonly string[];
  readonly proposals: readonly Proposal[];
  readonly publicMessage: boolean;
  readonly forcePath: boolean;
  readonly treeInWelcome: boolean;
  /** The group that this one follows, whose resumption PSK is brought in. */
  readonly previous?: ClientState | undefined;
}

export interface CreatedCommit {
  readonly newState: ClientState;
  readonly commit: MlsMessage;
  readonly welcome: MlsMessage | undefined;
}

const PATHLESS: ReadonlySet<number> = new Set([
  defaultProposalTypes.add,
  defaultProposalTypes.psk,
  defaultProposalTypes.reinit,
]);

/** The extensions that a list of proposals gives a group. */
function extensionsAfter(before: GroupContext, proposals: readonly Proposal[]): GroupContextExtension[] {
  for (const proposal of proposals) {
    if ("groupContextExtensions" in proposal) return proposal.groupContextExtensions.extensions;
  }
  return before.extensions;
}

/** @throws whatever ts-mls finds wrong with the proposals */
export async function createCommit(request: CommitRequest): Promise<CreatedCommit> {
  const { context, state } = request;
  const { cipherSuite: cs, clientConfig } = context;
  const own = state.privatePath.leafIndex as LeafIndex;
  clientState.checkCanSendHandshakeMessages(state);
  const proposals: ProposalOrRef[] = [
    ...request.references.map((reference) => ({
      proposalOrRefType: proposalOrRefTypes.reference,
      reference: base64ToBytes(reference),
    })),
    ...request.proposals.map((proposal) => ({ proposalOrRefType: proposalOrRefTypes.proposal, proposal })),
  ];
  const tree = state.ratchetTree.slice();
  const applied = await clientState.applyProposals(
    state,
    tree,
    proposals,
    own,
    clientState.makePskIndex(request.previous ?? state, context.externalPsks ?? {}),
    true,
    clientConfig,
    context.authService,
    cs,
  );
  const all = applied.allProposals.map(({ proposal }) => proposal);
  const added =
    applied.additionalResult.kind === "memberCommit" ? applied.additionalResult.addedLeafNodes : [];
  const provisional = { ...state.groupContext, extensions: extensionsAfter(state.groupContext, all) };
  const pathRequired = all.length === 0 || all.some(({ proposalType }) => !PATHLESS.has(proposalType));
  const path =
    pathRequired || request.forcePath
      ? await makePath(
          state,
          provisional,
          tree,
          added.map(([leafIndex]) => 2 * leafIndex),
          cs,
        )
      : undefined;
  const secrets = path?.secrets ?? [];
  const commitSecret = await commitSecretOf(secrets.at(-1)?.secret, cs);
  const wireformat = request.publicMessage ? "mls_public_message" : "mls_private_message";
  const authenticatedData = new Uint8Array();
  const { signature, framedContent } = await framing.createContentCommitSignature(
    state.groupContext,
    wireformat,
    { proposals, path: path?.updatePath },
    { senderType: senderTypes.member, leafIndex: own },
    authenticatedData,
    state.signaturePrivateKey,
    cs.signature,
  );
  const groupContext = await clientState.nextEpochContext(
    provisional,
    wireformat,
    framedContent,
    signature,
    await treeHash.treeHashRoot(tree, cs.hash),
    state.confirmationTag,
    cs.hash,
  );
  const epoch = await keySchedule.initializeEpoch(
    state.keySchedule.initSecret,
    commitSecret,
    groupContext,
    applied.pskSecret,
    cs.kdf,
  );
  const confirmationTag = await framing.createConfirmationTag(
    epoch.keySchedule.confirmationKey,
    groupContext.confirmedTranscriptHash,
    cs.hash,
  );
  const auth = { contentType: framedContent.contentType, signature, confirmationTag };
  const commit: MlsMessage = request.publicMessage
    ? {
        version: protocolVersions.mls10,
        wireformat: wireformats.mls_public_message,
        publicMessage: await publicFraming.protectPublicMessage(
          state.keySchedule.membershipKey,
          state.groupContext,
          { wireformat: wireformats.mls_public_message, content: framedContent, auth },
          cs,
        ),
      }
    : {
        version: protocolVersions.mls10,
        wireformat: wireformats.mls_private_message,
        privateMessage: (
          await privateFraming.protect(
            state.keySchedule.senderDataSecret,
            authenticatedData,
            state.groupContext,
            state.secretTree,
            { ...framedContent, auth },
            own,
            clientConfig.paddingConfig,
            cs,
          )
        ).privateMessage,
      };

  const { additionalResult } = applied;
  const [historicalReceiverData] = clientState.addHistoricalReceiverData(state, clientConfig);
  const newState: ClientState = {
    groupContext,
    ratchetTree: tree,
    secretTree: secretTree.createSecretTree((tree.length + 1) / 2, epoch.encryptionSecret),
    keySchedule: epoch.keySchedule,
    privatePath: path?.privatePath ?? state.privatePath,
    unappliedProposals: {},
    historicalReceiverData,
    confirmationTag,
    signaturePrivateKey: state.signaturePrivateKey,
    groupActiveState:
      additionalResult.kind === "reinit"
        ? { kind: "suspendedPendingReinit", reinit: additionalResult.reinit }
        : { kind: "active" },
  };
  if (added.length === 0) return { newState, commit, welcome: undefined };

  const extensions: GroupInfoExtension[] = request.treeInWelcome
    ? [{ extensionType: defaultExtensionTypes.ratchet_tree, extensionData: encode(ratchetTreeEncoder, tree) }]
    : [];
  const groupInfo = await groupInfos.signGroupInfo(
    { groupContext, extensions, confirmationTag, signer: own },
    state.signaturePrivateKey,
    cs.signature,
  );
  const encryptedGroupInfo = await welcomes.encryptGroupInfo(groupInfo, epoch.welcomeSecret, cs);
  const forMembers = await Promise.all(
    added.map(async ([leafIndex, keyPackage]) => {
      const shared = updatePaths.firstCommonAncestor(tree, leafIndex, own);
      const { enc, ct } = await welcomes.encryptGroupSecrets(
        await cs.hpke.importPublicKey(keyPackage.initKey),
        encryptedGroupInfo,
        {
          joinerSecret: epoch.joinerSecret,
          pathSecret: secrets.find(({ nodeIndex }) => nodeIndex === shared)?.secret,
          psks: applied.pskIds,
        },
        cs.hpke,
      );
      const newMember = await makeKeyPackageRef(keyPackage, cs.hash);
      return { newMember, encryptedGroupSecrets: { kemOutput: enc, ciphertext: ct } };
    }),
  );
  const welcome: MlsMessage = {
    version: protocolVersions.mls10,
    wireformat: wireformats.mls_welcome,
    welcome: { cipherSuite: groupContext.cipherSuite, secrets: forMembers, encryptedGroupInfo },
  };
  return { newState, commit, welcome };
}

/** §8: of no path, zeros. */
export async function commitSecretOf(
  rootSecret: Uint8Array | undefined,
  cs: MlsContext["cipherSuite"],
): Promise<Uint8Array> {
  return rootSecret === undefined
    ? new Uint8Array(cs.kdf.size)
    : kdf.deriveSecret(rootSecret, "path", cs.kdf);
}

/** A path in a tree that has the proposals in it, encrypted to the leaves that it has then, but to no new ones. */
async function makePath(
  state: ClientState,
  context: GroupContext,
  tree: ClientState["ratchetTree"],
  newLeaves: readonly number[],
  cs: MlsContext["cipherSuite"],
) {
  const own = state.privatePath.leafIndex as LeafIndex;
  const before = tree.slice();
  const places = ratchetTrees.filteredDirectPathAndCopathResolution(own, before);
  const [, updatePath, secrets, leafKey] = await updatePaths.createUpdatePath(
    before,
    tree,
    own,
    context,
    state.signaturePrivateKey,
    cs,
  );
  const nodes = updatePath.nodes.map((node, i) => ({
    ...node,
    encryptedPathSecret: node.encryptedPathSecret.filter(
      (_, j) => !newLeaves.includes(places[i]?.resolution[j] ?? -1),
    ),
  }));
  const privatePath = privateKeyPath.mergePrivateKeyPaths(
    privateKeyPath.updateLeafKey(state.privatePath, await cs.hpke.exportPrivateKey(leafKey)),
    await privateKeyPath.toPrivateKeyPath(paths.pathToPathSecrets(secrets), own, cs),
  );
  return { updatePath: { ...updatePath, nodes }, secrets, privatePath };
}
