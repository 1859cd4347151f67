// RFC 9420 §12: makes and processes handshake messages where ts-mls deviates from the RFC.
import type { GroupInfoAnswer } from "@copse/interop";
import { vector } from "@copse/interop";
import {
  type ClientState,
  contentTypes,
  defaultExtensionTypes,
  defaultProposalTypes,
  encode,
  type GroupInfoExtension,
  getOwnLeafNode,
  type IncomingMessageCallback,
  leafNodeSources,
  type Proposal,
  type ProposalWithSender,
  processPrivateMessage,
  processPublicMessage,
  protocolVersions,
  senderTypes,
  wireformats,
} from "ts-mls";
import { ratchetTreeEncoder, signLeafNodeUpdate } from "../internals.js";
import { fromBytes, toBytes } from "../messages.js";
import type { FullContext } from "./commit.js";
import { clientState, groupInfos, publicFraming } from "./deep.js";
import { senderKeys } from "./proposals.js";

/** An Update of the own leaf, with the key pair of the new leaf node. */
interface OwnUpdate {
  readonly proposal: Proposal;
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** A signed GroupInfo for external commits. */
export async function makeGroupInfo(
  cs: FullContext["cipherSuite"],
  state: ClientState,
  externalTree: boolean,
): Promise<GroupInfoAnswer> {
  const { publicKey } = await cs.hpke.deriveKeyPair(state.keySchedule.externalSecret);
  const ratchetTree = encode(ratchetTreeEncoder, state.ratchetTree);
  // The function of ts-mls leaves out the length of the key, against §12.4.3.2.
  const extensions: GroupInfoExtension[] = [
    {
      extensionType: defaultExtensionTypes.external_pub,
      extensionData: vector(await cs.hpke.exportPublicKey(publicKey)),
    },
  ];
  if (!externalTree) {
    extensions.push({ extensionType: defaultExtensionTypes.ratchet_tree, extensionData: ratchetTree });
  }
  const { groupContext, confirmationTag, privatePath, signaturePrivateKey } = state;
  const groupInfo = await groupInfos.signGroupInfo(
    { groupContext, extensions, confirmationTag, signer: privatePath.leafIndex },
    signaturePrivateKey,
    cs.signature,
  );
  return {
    groupInfo: toBytes({
      version: protocolVersions.mls10,
      wireformat: wireformats.mls_group_info,
      groupInfo,
    }),
    ratchetTree: externalTree ? ratchetTree : undefined,
  };
}

/** An Update of the own leaf, and the new leaf's key pair. */
export async function makeUpdate(cs: FullContext["cipherSuite"], state: ClientState): Promise<OwnUpdate> {
  const { hpke, signature } = cs;
  const pair = await hpke.generateKeyPair();
  const publicKey = await hpke.exportPublicKey(pair.publicKey);
  const { signaturePublicKey, credential, capabilities, extensions } = getOwnLeafNode(state);
  const {
    groupId: _,
    leafIndex: __,
    ...leafNode
  } = await signLeafNodeUpdate(
    {
      hpkePublicKey: publicKey,
      signaturePublicKey,
      credential,
      capabilities,
      extensions,
      leafNodeSource: leafNodeSources.update,
      groupId: state.groupContext.groupId,
      leafIndex: state.privatePath.leafIndex,
    },
    state.signaturePrivateKey,
    signature,
  );
  return {
    proposal: { proposalType: defaultProposalTypes.update, update: { leafNode } },
    publicKey,
    privateKey: await hpke.exportPrivateKey(pair.privateKey),
  };
}

/** The state after receiving a proposal. */
export async function processProposal(
  context: FullContext,
  state: ClientState,
  bytes: Uint8Array,
): Promise<ClientState> {
  const message = fromBytes(bytes);
  if (message.wireformat === wireformats.mls_private_message) {
    const { privateMessage } = message;
    return (await processPrivateMessage({ context, state, privateMessage })).newState;
  }
  if (message.wireformat !== wireformats.mls_public_message) {
    throw new Error("neither a PublicMessage nor a PrivateMessage");
  }
  const { publicMessage } = message;
  const { content } = publicMessage;
  if (content.contentType !== contentTypes.proposal) throw new Error("no proposal");
  const key =
    content.sender.senderType === senderTypes.external
      ? senderKeys(state.groupContext.extensions)[content.sender.senderIndex]
      : undefined;
  if (key === undefined) return (await processPublicMessage({ context, state, publicMessage })).newState;
  const opened = await publicFraming.unprotectPublicMessage(
    state.keySchedule.membershipKey,
    state.groupContext,
    state.ratchetTree,
    publicMessage,
    context.cipherSuite,
    key,
  );
  return clientState.processProposal(state, opened, content.proposal, context.cipherSuite.hash);
}

/** The state after receiving a commit. */
export async function processCommit(
  context: FullContext,
  before: ClientState,
  commit: Uint8Array,
): Promise<ClientState> {
  const message = fromBytes(commit);
  // ts-mls ignores a GroupContextExtensions proposal with an empty list. So the old context is emptied here.
  const groupContext = { ...before.groupContext };
  const state = { ...before, groupContext };
  const callback: IncomingMessageCallback = (incoming) => {
    if (incoming.kind === "commit" && incoming.proposals.some(emptiesExtensions)) {
      groupContext.extensions = [];
    }
    return "accept";
  };
  if (message.wireformat === wireformats.mls_public_message) {
    const { publicMessage } = message;
    return (await processPublicMessage({ context, state, publicMessage, callback })).newState;
  }
  if (message.wireformat !== wireformats.mls_private_message) throw new Error("no commit");
  const { privateMessage } = message;
  return (await processPrivateMessage({ context, state, privateMessage, callback })).newState;
}

function emptiesExtensions({ proposal }: ProposalWithSender): boolean {
  return "groupContextExtensions" in proposal && proposal.groupContextExtensions.extensions.length === 0;
}
