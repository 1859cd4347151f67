// RFC 9420 §6, §12.1, §12.4.2, §15: what a member does with a message that comes.
import { equalBytes } from "../bytes.js";
import { decode, encode } from "../codec/index.js";
import { makeProposalRef } from "../crypto/labelled.js";
import { ensure, MlsError } from "../errors.js";
import {
  AuthenticatedContent,
  ContentType,
  type FramedContent,
  type OpenedPrivateMessage,
  openPrivate,
  openPublic,
  type PrivateMessage,
  ProposalType,
  type PublicMessage,
  SenderType,
  verifyContent,
  WireFormat,
} from "../framing/index.js";
import { ExtensionType, findExtension, type LeafNode } from "../tree/index.js";
import { contextBytes, type Epoch } from "./epoch.js";
import { ExternalSenders } from "./extensions.js";
import { MlsMessage } from "./mls-message.js";
import { processCommit } from "./process.js";
import { checkProposals } from "./proposal-validation.js";
import { memberOf, type Received } from "./received.js";
import type { Setting } from "./setting.js";
import type { CachedProposal, GroupState } from "./state.js";
import { changesOf, enterEpoch, leaveGroup, reportCommit } from "./transition.js";

/** What a message does: the state after it, and what is to be told of it. */
export interface Reception {
  readonly state: GroupState;
  readonly received: Received;
}

/**
 * Receives an encoded MLSMessage. Nothing changes before all of it is found right; then its key is consumed, and
 * secrets that the new state doesn't hold are overwritten.
 * @throws MlsError
 */
export async function receiveMessage(
  setting: Setting,
  state: GroupState,
  bytes: Uint8Array,
): Promise<Reception> {
  const message = decode(MlsMessage, bytes);
  switch (message.wireFormat) {
    case WireFormat.publicMessage: {
      const { content } = message.publicMessage;
      const age = checkHeader(state, content);
      if (age === "past") return receivePast(setting, state, bytes, undefined);
      return receivePublic(setting, state, message.publicMessage);
    }
    case WireFormat.privateMessage: {
      const age = checkHeader(state, message.privateMessage);
      if (age === "past") return receivePast(setting, state, bytes, message.privateMessage);
      return receivePrivate(setting, state, message.privateMessage);
    }
    default:
      throw new MlsError(
        "usage",
        "a group receives PublicMessages and PrivateMessages; join() takes a Welcome",
      );
  }
}

function checkHeader(
  { current, status }: GroupState,
  { groupId, epoch }: { readonly groupId: Uint8Array; readonly epoch: bigint },
): "current" | "past" {
  const { groupContext } = current;
  if (!equalBytes(groupId, groupContext.groupId)) {
    throw new MlsError("wrong-group", "the message belongs to another group");
  }
  if (status === "removed") throw new MlsError("removed", "this client was removed from the group");
  if (epoch > groupContext.epoch) {
    throw new MlsError(
      "wrong-epoch",
      `the message is of epoch ${epoch}, this client in ${groupContext.epoch}`,
    );
  }
  return epoch < groupContext.epoch ? "past" : "current";
}

/** §15.3: an application message that comes late, or an own commit that comes back. */
async function receivePast(
  setting: Setting,
  state: GroupState,
  bytes: Uint8Array,
  message: PrivateMessage | undefined,
): Promise<Reception> {
  const { provider } = setting;
  if (state.past.some(({ ownCommit }) => ownCommit !== undefined)) {
    const digest = await provider.hash.hash(bytes);
    if (state.past.some(({ ownCommit }) => ownCommit !== undefined && equalBytes(ownCommit, digest))) {
      return { state, received: { kind: "own" } };
    }
  }
  if (message?.contentType !== ContentType.application) {
    throw new MlsError(
      "wrong-epoch",
      `a handshake message of an epoch before ${state.current.groupContext.epoch}`,
    );
  }
  const past = state.past.find(({ epoch }) => epoch === message.epoch);
  if (past === undefined) {
    throw new MlsError("consumed", `the keys of epoch ${message.epoch} are deleted`);
  }
  const opened = await openOrOwn(setting, state, message, past);
  if (opened === undefined) return { state, received: { kind: "own" } };
  return settle(opened, async () => {
    const leafNode = senderLeaf(opened.content.content, past.tree);
    await verifyContent(provider, opened.content, past.groupContext, leafNode.signatureKey);
    return { state, received: applicationMessage(opened.content.content, leafNode) };
  });
}

/** The leaf of a member that sent a message. @throws MlsError `unknown-sender` */
function senderLeaf({ sender }: FramedContent, tree: Epoch["tree"]): LeafNode {
  const leafNode = sender.senderType === SenderType.member ? tree.leaf(sender.leafIndex) : undefined;
  if (leafNode === undefined) throw new MlsError("unknown-sender", "the sender is no member of the group");
  return leafNode;
}

/** A private message opened, or `undefined` for one of this client's own. */
async function openOrOwn(
  { provider }: Setting,
  { current }: GroupState,
  message: PrivateMessage,
  keys: Pick<Epoch, "tree" | "secretTree"> & { readonly senderDataSecret: Uint8Array },
): Promise<OpenedPrivateMessage | undefined> {
  try {
    return await openPrivate(provider, message, {
      secretTree: keys.secretTree,
      senderDataSecret: keys.senderDataSecret,
      isMember: (leafIndex) => keys.tree.leaf(leafIndex) !== undefined,
      ownLeafIndex: current.keys.leafIndex,
    });
  } catch (error) {
    if (
      error instanceof MlsError &&
      error.code === "own-message" &&
      message.contentType !== ContentType.commit
    ) {
      return undefined;
    }
    throw error;
  }
}

/** Runs what finds a message right or wrong, and then consumes its key or gives it back. */
async function settle(opened: OpenedPrivateMessage, work: () => Promise<Reception>): Promise<Reception> {
  try {
    const reception = await work();
    opened.consume();
    return reception;
  } catch (error) {
    opened.discard();
    throw error;
  }
}

async function receivePrivate(
  setting: Setting,
  state: GroupState,
  message: PrivateMessage,
): Promise<Reception> {
  const { current } = state;
  const { tree, secretTree, secrets } = current;
  const opened = await openOrOwn(setting, state, message, {
    tree,
    secretTree,
    senderDataSecret: secrets.senderDataSecret,
  });
  if (opened === undefined) return { state, received: { kind: "own" } };
  let finish: (() => GroupState) | undefined;
  const { received } = await settle(opened, async () => {
    const { content } = opened.content;
    const leafNode = senderLeaf(content, tree);
    await verifyContent(setting.provider, opened.content, contextBytes(current), leafNode.signatureKey);
    if (content.content.contentType === ContentType.application) {
      return { state, received: applicationMessage(content, leafNode) };
    }
    const handled = await receiveHandshake(setting, state, opened.content);
    finish = handled.finish;
    return { state, received: handled.received };
  });
  return { state: finish?.() ?? state, received };
}

async function receivePublic(
  setting: Setting,
  state: GroupState,
  message: PublicMessage,
): Promise<Reception> {
  const { current } = state;
  const context = contextBytes(current);
  const authenticated = await openPublic(setting.provider, message, context, current.secrets.membershipKey);
  const { content } = authenticated;
  const { sender } = content;
  if (sender.senderType === SenderType.member && sender.leafIndex === current.keys.leafIndex) {
    if (content.content.contentType === ContentType.proposal) return { state, received: { kind: "own" } };
    throw new MlsError("own-message", "a commit of this client's own, which isn't pending any more");
  }
  await verifyContent(setting.provider, authenticated, context, signatureKeyOf(content, current));
  const { received, finish } = await receiveHandshake(setting, state, authenticated);
  return { state: finish(), received };
}

/** The key that a public message is to be verified with. @throws MlsError `unknown-sender`; ValidationError */
function signatureKeyOf(content: FramedContent, { tree, groupContext }: Epoch): Uint8Array {
  const { sender, content: body } = content;
  switch (sender.senderType) {
    case SenderType.member:
      return senderLeaf(content, tree).signatureKey;
    case SenderType.external: {
      const allowed = findExtension(groupContext.extensions, ExtensionType.externalSenders, ExternalSenders);
      const key = allowed?.[sender.senderIndex]?.signatureKey;
      if (key === undefined) throw new MlsError("unknown-sender", "the group allows no such external sender");
      return key;
    }
    case SenderType.newMemberProposal: {
      const added =
        body.contentType === ContentType.proposal && body.proposal.proposalType === ProposalType.add
          ? body.proposal.keyPackage.leafNode
          : undefined;
      ensure(added !== undefined, "6.1: the content of a new member's proposal must be an add");
      return added.signatureKey;
    }
    case SenderType.newMemberCommit: {
      const path = body.contentType === ContentType.commit ? body.commit.path : undefined;
      ensure(path !== undefined, "12.4.3.2: external commits must contain a path");
      return path.leafNode.signatureKey;
    }
  }
}

/** A proposal or a commit whose signature is verified. `finish` is to be called once its key is consumed. */
async function receiveHandshake(
  setting: Setting,
  state: GroupState,
  authenticated: AuthenticatedContent,
): Promise<{ received: Received; finish: () => GroupState }> {
  const { current } = state;
  const { content, sender, authenticatedData } = authenticated.content;
  if (state.status !== "active") {
    throw new MlsError("closed", "the group is to be reinitialized, and no longer in use");
  }
  if (content.contentType === ContentType.proposal) {
    const { proposal } = content;
    await checkProposals(setting, current, [{ proposal, sender }], current.groupContext.extensions);
    const reference = await makeProposalRef(setting.provider, encode(AuthenticatedContent, authenticated));
    const { epoch } = current.groupContext;
    return {
      received: { kind: "proposal", epoch, sender, proposal, reference, authenticatedData },
      finish: () => withProposal(state, { proposal, sender, reference, checked: true }),
    };
  }
  const find = (reference: Uint8Array) => state.proposals.find((one) => equalBytes(one.reference, reference));
  const processed = await processCommit(setting, current, authenticated, {
    find,
    ownLeafKey: (reference) => find(reference)?.leafKey,
  });
  const changes = changesOf(processed.applied);
  const { committer, epoch } = processed;
  return {
    received: reportCommit(epoch ?? { ...current, tree: processed.tree }, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      own: false,
      active: epoch !== undefined && changes.reinit === undefined,
      droppedPending: state.pending !== undefined,
      authenticatedData,
    }),
    finish: () =>
      epoch === undefined
        ? leaveGroup(state)
        : enterEpoch(state, epoch, changes, {
            ownCommit: undefined,
            maxPastEpochs: setting.policy.maxPastEpochs,
          }),
  };
}

/** The state with one more proposal to be committed; the same one twice counts once. */
export function withProposal(state: GroupState, proposal: CachedProposal): GroupState {
  if (state.proposals.some(({ reference }) => equalBytes(reference, proposal.reference))) return state;
  return { ...state, proposals: [...state.proposals, proposal] };
}

function applicationMessage(
  { sender, epoch, content, authenticatedData }: FramedContent,
  leafNode: LeafNode,
): Received {
  if (content.contentType !== ContentType.application || sender.senderType !== SenderType.member) {
    throw new MlsError("usage", "this content is no application data");
  }
  return {
    kind: "application",
    epoch,
    sender: memberOf(sender.leafIndex, leafNode),
    // A copy: the plaintext that it is a part of is overwritten with nothing else.
    data: content.applicationData.slice(),
    authenticatedData,
  };
}
