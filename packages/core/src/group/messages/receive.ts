// RFC 9420 §6, §12.1, §12.4.2, §15: what a member does with a message that comes.
import { equalBytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { type OpenedPrivateMessage, openPrivate, openPublic, verifyContent } from "../../framing/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  GroupContext,
  type LeafNode,
  MlsMessage,
  type PrivateMessage,
  type PublicMessage,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import { processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch } from "../epoch.js";
import { memberOf } from "../member.js";
import {
  cacheProposal,
  changesOf,
  checkMessageSize,
  senderLeaf,
  signatureKeyOf,
  withProposal,
} from "../proposals/index.js";
import { enterEpoch, type GroupState, leaveGroup } from "../state.js";
import type { Received } from "./received.js";
import { ownDropped, reportCommit, reportProposal } from "./report.js";

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
  config: GroupConfig,
  state: GroupState,
  bytes: Uint8Array,
): Promise<Reception> {
  checkMessageSize(config, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  switch (message.wireFormat) {
    case WireFormat.publicMessage: {
      const { groupId, epoch, content } = message.publicMessage.content;
      if (checkHeader(state, { groupId, epoch }) === "past") {
        return receivePast(config, state, bytes, { epoch, contentType: content.contentType }, undefined);
      }
      return receivePublic(config, state, message.publicMessage, bytes);
    }
    case WireFormat.privateMessage: {
      const { privateMessage } = message;
      if (checkHeader(state, privateMessage) === "past") {
        return receivePast(config, state, bytes, privateMessage, privateMessage);
      }
      return receivePrivate(config, state, privateMessage, bytes);
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

/** What a message says of itself before it is opened. */
interface Header {
  readonly epoch: bigint;
  readonly contentType: ContentType;
}

/**
 * §15.3: an application message that comes late, or a commit that comes again.
 * @throws MlsError `consumed` for what was received before, or whose keys are deleted; `fork` for a commit of an
 *   epoch that another commit has ended here; `wrong-epoch` for a proposal that is too late
 */
async function receivePast(
  config: GroupConfig,
  state: GroupState,
  bytes: Uint8Array,
  { epoch, contentType }: Header,
  message: PrivateMessage | undefined,
): Promise<Reception> {
  const { provider } = config;
  const past = state.past.find((one) => one.epoch === epoch);
  if (past === undefined) {
    const application = contentType === ContentType.application;
    throw new MlsError(application ? "consumed" : "wrong-epoch", `the keys of epoch ${epoch} are deleted`);
  }
  if (contentType === ContentType.commit) {
    if (!equalBytes(past.endedBy, await provider.hash.hash(bytes))) {
      throw new MlsError(
        "fork",
        `another commit ended epoch ${epoch} here: this one lost the race, or made a fork`,
      );
    }
    if (past.endedByOwn) return { state, received: { kind: "own" } };
    throw new MlsError("consumed", "this commit was received before");
  }
  if (message === undefined || contentType !== ContentType.application) {
    throw new MlsError("wrong-epoch", `a proposal of epoch ${epoch}, which is over`);
  }
  const opened = await openOrOwn(config, state, message, past);
  if (opened === undefined) return { state, received: { kind: "own" } };
  return settle(opened, async () => {
    const leafNode = senderLeaf(opened.content.content, past.tree);
    await verifyContent(provider, opened.content, past.groupContext, leafNode.signatureKey);
    const registry = config.registry;
    if (registry.modules.length > 0) {
      registry.checkAuthenticatedData(message.authenticatedData, decode(GroupContext, past.groupContext));
    }
    return { state, received: applicationMessage(opened.content.content, leafNode) };
  });
}

/** A private message opened, or `undefined` for one of this client's own. */
async function openOrOwn(
  { provider, registry }: GroupConfig,
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
      proposalTypes: registry.proposalTypes,
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
  config: GroupConfig,
  state: GroupState,
  message: PrivateMessage,
  bytes: Uint8Array,
): Promise<Reception> {
  const { current } = state;
  const { tree, secretTree, secrets } = current;
  const opened = await openOrOwn(config, state, message, {
    tree,
    secretTree,
    senderDataSecret: secrets.senderDataSecret,
  });
  if (opened === undefined) return { state, received: { kind: "own" } };
  let finish: (() => GroupState) | undefined;
  const { received } = await settle(opened, async () => {
    const { content } = opened.content;
    const leafNode = senderLeaf(content, tree);
    await verifyContent(config.provider, opened.content, contextBytes(current), leafNode.signatureKey);
    config.registry.checkAuthenticatedData(content.authenticatedData, current.groupContext);
    if (content.content.contentType === ContentType.application) {
      return { state, received: applicationMessage(content, leafNode) };
    }
    const handled = await receiveHandshake(config, state, opened.content, bytes);
    finish = handled.finish;
    return { state, received: handled.received };
  });
  return { state: finish?.() ?? state, received };
}

async function receivePublic(
  config: GroupConfig,
  state: GroupState,
  message: PublicMessage,
  bytes: Uint8Array,
): Promise<Reception> {
  const { current } = state;
  const context = contextBytes(current);
  const authenticated = await openPublic(
    config.provider,
    message,
    context,
    current.secrets.membershipKey,
    config.registry.proposalTypes,
  );
  const { content } = authenticated;
  const { sender } = content;
  if (sender.senderType === SenderType.member && sender.leafIndex === current.keys.leafIndex) {
    if (content.content.contentType === ContentType.proposal) return { state, received: { kind: "own" } };
    throw new MlsError("own-message", "a commit of this client's own, which isn't pending any more");
  }
  await verifyContent(config.provider, authenticated, context, signatureKeyOf(content, current));
  config.registry.checkAuthenticatedData(content.authenticatedData, current.groupContext);
  const { received, finish } = await receiveHandshake(config, state, authenticated, bytes);
  return { state: finish(), received };
}

/** A proposal or a commit whose signature is verified. `finish` is to be called once its key is consumed. */
async function receiveHandshake(
  config: GroupConfig,
  state: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Uint8Array,
): Promise<{ received: Received; finish: () => GroupState }> {
  const { current } = state;
  const { content, authenticatedData } = authenticated.content;
  if (state.status !== "active") {
    throw new MlsError("closed", "the group is to be reinitialized, and no longer in use");
  }
  if (content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated);
    return {
      received: reportProposal(current, authenticated, cached),
      finish: () => withProposal(state, cached),
    };
  }
  const find = (reference: Uint8Array) => state.proposals.find((one) => equalBytes(one.reference, reference));
  const processed = await processCommit(config, current, authenticated, {
    find,
    ownLeafKey: (reference) => find(reference)?.leafKey,
  });
  const changes = changesOf(processed.applied);
  const { committer, epoch, tree } = processed;
  const endedBy = (await config.provider.hash.hash(bytes)).slice();
  return {
    received: reportCommit(epoch ?? { ...current, tree }, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      own: false,
      active: epoch !== undefined && changes.reinit === undefined,
      droppedPending: state.pending !== undefined,
      dropped: epoch === undefined ? [] : ownDropped(state, processed.proposals, tree, config.registry),
      authenticatedData,
    }),
    finish: () =>
      epoch === undefined
        ? leaveGroup(state)
        : enterEpoch(state, epoch, changes, { endedBy, endedByOwn: false }, config.policy.maxPastEpochs),
  };
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
