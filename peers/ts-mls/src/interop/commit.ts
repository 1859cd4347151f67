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
  type KeyPackage,
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
  groupInfos,
  pathSecrets as paths,
  privateFraming,
  privateKeyPath,
  publicFraming,
  ratchetTrees,
  updatePath as updatePaths,
  welcomes,
} from "./deep.js";
import { type NextEpoch, nextEpoch } from "./next-epoch.js";

type GroupSecrets = Parameters<typeof welcomes.encryptGroupSecrets>[2];
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
  const tree = state.ratchetTree.slice();
  const proposals = proposalsOf(request);
  const applied = await applyProposals(request, tree, proposals);
  const { additionalResult } = applied;
  const all = applied.allProposals.map(({ proposal }) => proposal);
  const added = additionalResult.kind === "memberCommit" ? additionalResult.addedLeafNodes : [];
  const provisional = { ...state.groupContext, extensions: extensionsAfter(state.groupContext, all) };
  const pathRequired = all.length === 0 || all.some(({ proposalType }) => !PATHLESS.has(proposalType));
  const newLeaves = added.map(([leafIndex]) => 2 * leafIndex);
  const path =
    pathRequired || request.forcePath ? await makePath(state, provisional, tree, newLeaves, cs) : undefined;
  const secrets = path?.secrets ?? [];
  const epoch = await nextEpoch(
    {
      wireformat: request.publicMessage ? "mls_public_message" : "mls_private_message",
      commit: { proposals, path: path?.updatePath },
      sender: { senderType: senderTypes.member, leafIndex: own },
      signaturePrivateKey: state.signaturePrivateKey,
      before: state.groupContext,
      provisional,
      confirmationTagBefore: state.confirmationTag,
      tree,
      initSecret: state.keySchedule.initSecret,
      rootSecret: secrets.at(-1)?.secret,
      pskSecret: applied.pskSecret,
    },
    cs,
  );
  const commit = await protectCommit(request, epoch);
  const [historicalReceiverData] = clientState.addHistoricalReceiverData(state, clientConfig);
  const newState: ClientState = {
    ...epoch.state,
    privatePath: path?.privatePath ?? state.privatePath,
    historicalReceiverData,
    groupActiveState:
      additionalResult.kind === "reinit"
        ? { kind: "suspendedPendingReinit", reinit: additionalResult.reinit }
        : { kind: "active" },
  };
  const welcome =
    added.length === 0
      ? undefined
      : await makeWelcome(request, epoch, { added, pathSecrets: secrets, psks: applied.pskIds });
  return { newState, commit, welcome };
}

/** Those by reference first. */
function proposalsOf(request: CommitRequest): ProposalOrRef[] {
  return [
    ...request.references.map((reference) => ({
      proposalOrRefType: proposalOrRefTypes.reference,
      reference: base64ToBytes(reference),
    })),
    ...request.proposals.map((proposal) => ({ proposalOrRefType: proposalOrRefTypes.proposal, proposal })),
  ];
}

/** Applies the proposals to the tree. */
function applyProposals(
  { context, state, previous }: CommitRequest,
  tree: ClientState["ratchetTree"],
  proposals: ProposalOrRef[],
): ReturnType<typeof clientState.applyProposals> {
  return clientState.applyProposals(
    state,
    tree,
    proposals,
    state.privatePath.leafIndex as LeafIndex,
    clientState.makePskIndex(previous ?? state, context.externalPsks ?? {}),
    true,
    context.clientConfig,
    context.authService,
    context.cipherSuite,
  );
}

/** The commit as a message of the epoch that it ends. */
async function protectCommit(
  { context, state, publicMessage }: CommitRequest,
  { content, auth }: NextEpoch,
): Promise<MlsMessage> {
  const { groupContext } = state;
  const { senderDataSecret, membershipKey } = state.keySchedule;
  const version = protocolVersions.mls10;
  if (publicMessage) {
    const wireformat = wireformats.mls_public_message;
    const message = await publicFraming.protectPublicMessage(
      membershipKey,
      groupContext,
      { wireformat, content, auth },
      context.cipherSuite,
    );
    return { version, wireformat, publicMessage: message };
  }
  const { privateMessage } = await privateFraming.protect(
    senderDataSecret,
    content.authenticatedData,
    groupContext,
    state.secretTree,
    { ...content, auth },
    state.privatePath.leafIndex,
    context.clientConfig.paddingConfig,
    context.cipherSuite,
  );
  return { version, wireformat: wireformats.mls_private_message, privateMessage };
}

/** What new members are told beside the GroupInfo. */
interface NewMembers {
  readonly added: readonly [LeafIndex, KeyPackage][];
  readonly pathSecrets: readonly { readonly nodeIndex: number; readonly secret: Uint8Array }[];
  readonly psks: GroupSecrets["psks"];
}

/** RFC 9420 §12.4.3.1 */
async function makeWelcome(
  { context: { cipherSuite: cs }, state, treeInWelcome }: CommitRequest,
  epoch: NextEpoch,
  { added, pathSecrets, psks }: NewMembers,
): Promise<MlsMessage> {
  const own = state.privatePath.leafIndex as LeafIndex;
  const { groupContext, ratchetTree: tree, confirmationTag } = epoch.state;
  const extensions: GroupInfoExtension[] = treeInWelcome
    ? [{ extensionType: defaultExtensionTypes.ratchet_tree, extensionData: encode(ratchetTreeEncoder, tree) }]
    : [];
  const groupInfo = await groupInfos.signGroupInfo(
    { groupContext, extensions, confirmationTag, signer: own },
    state.signaturePrivateKey,
    cs.signature,
  );
  const encryptedGroupInfo = await welcomes.encryptGroupInfo(groupInfo, epoch.welcomeSecret, cs);
  const secrets = await Promise.all(
    added.map(async ([leafIndex, keyPackage]) => {
      const shared = updatePaths.firstCommonAncestor(tree, leafIndex, own);
      const { enc, ct } = await welcomes.encryptGroupSecrets(
        await cs.hpke.importPublicKey(keyPackage.initKey),
        encryptedGroupInfo,
        {
          joinerSecret: epoch.joinerSecret,
          pathSecret: pathSecrets.find(({ nodeIndex }) => nodeIndex === shared)?.secret,
          psks,
        },
        cs.hpke,
      );
      const newMember = await makeKeyPackageRef(keyPackage, cs.hash);
      return { newMember, encryptedGroupSecrets: { kemOutput: enc, ciphertext: ct } };
    }),
  );
  return {
    version: protocolVersions.mls10,
    wireformat: wireformats.mls_welcome,
    welcome: { cipherSuite: groupContext.cipherSuite, secrets, encryptedGroupInfo },
  };
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
