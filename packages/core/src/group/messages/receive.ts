// RFC 9420 §6, §12.1, §12.4.2, §15: what a member does with a message that it receives.
import { equalBytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { type OpenedPrivateMessage, openPrivate, openPublic, verifyContent } from "../../framing/index.js";
import { isPromise } from "../../provider/index.js";
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
import { openEpoch, processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch } from "../epoch.js";
import { memberOf } from "../member.js";
import { checkMessageSize } from "../policy.js";
import { cacheProposal, changesOf, senderLeaf, verifySender, withProposal } from "../proposals/index.js";
import { enterEpoch, type GroupState, leaveGroup } from "../state.js";
import { checkHeader, checkPastCommit, commitDigest } from "../header.js";
import type { Received } from "./message-types.js";
import { ownDropped, reportCommit, reportProposal } from "./report.js";

/** What a message does: the state after it, and what is reported of it. */
export interface Reception {
  readonly state: GroupState;
  readonly received: Received;
}

/**
 * Receives an encoded MLSMessage. Nothing changes before all of it is found valid. Then its key is consumed, and
 * secrets that the new state doesn't hold are overwritten.
 * @throws MlsError
 */
export async function receiveMessage(
  config: GroupConfig,
  state: GroupState,
  bytes: Uint8Array,
): Promise<Reception> {
  checkMessageSize(config.policy, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  switch (message.wireFormat) {
    case WireFormat.publicMessage: {
      const { groupId, epoch, content } = message.publicMessage.content;
      const header = { groupId, epoch, contentType: content.contentType };
      return isCurrent(state, header)
        ? receivePublic(config, state, message.publicMessage, bytes)
        : receivePast(config, state, bytes, header, undefined);
    }
    case WireFormat.privateMessage: {
      const { privateMessage } = message;
      return isCurrent(state, privateMessage)
        ? receivePrivate(config, state, privateMessage, bytes)
        : receivePast(config, state, bytes, privateMessage, privateMessage);
    }
    default:
      throw new MlsError("usage", "expected a PublicMessage or a PrivateMessage; join() takes a Welcome");
  }
}

/** What a message says of itself before it is opened. */
type Header = Pick<PrivateMessage, "groupId" | "epoch" | "contentType">;

function isCurrent({ current, status }: GroupState, header: Header): boolean {
  const place = checkHeader(current.groupContext, header);
  if (status === "removed") throw new MlsError("removed", "this client was removed from the group");
  return place === "current";
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
  const { provider, registry } = config;
  const past = state.past.find((one) => one.epoch === epoch);
  if (past === undefined) {
    const application = contentType === ContentType.application;
    throw new MlsError(application ? "consumed" : "wrong-epoch", `the keys of epoch ${epoch} are deleted`);
  }
  if (contentType === ContentType.commit) {
    await checkPastCommit(provider, past, bytes);
    return { state, received: { kind: "own" } };
  }
  if (message === undefined || contentType !== ContentType.application) {
    throw new MlsError("wrong-epoch", `a proposal of epoch ${epoch}, which is over`);
  }
  const opened = await openOrOwn(config, state, message, past);
  if (opened === undefined) return { state, received: { kind: "own" } };
  return settle(opened, async () => {
    const leafNode = senderLeaf(opened.content.content, past.tree);
    await verifyContent(provider, opened.content, past.groupContext, leafNode.signatureKey);
    if (registry.definitions.length > 0) {
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
    const isOwn = error instanceof MlsError && error.code === "own-message";
    if (isOwn && message.contentType !== ContentType.commit) return undefined;
    throw error;
  }
}

/** Runs the checks of a message, and then consumes its key, or gives it back if they fail. */
async function settle<T>(opened: OpenedPrivateMessage, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    opened.consume();
    return result;
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
  const { tree, secretTree, secrets, groupContext } = current;
  const { senderDataSecret } = secrets;
  const opened = await openOrOwn(config, state, message, { tree, secretTree, senderDataSecret });
  if (opened === undefined) return { state, received: { kind: "own" } };
  const { received, finish } = await settle(opened, async (): Promise<Handled> => {
    const { content } = opened.content;
    const leafNode = senderLeaf(content, tree);
    const isApplication = content.content.contentType === ContentType.application;
    const { signatureKey } = leafNode;
    const verified = verifyContent(config.provider, opened.content, contextBytes(current), signatureKey);
    // The provider verifies elsewhere, and this thread has time. Handshakes rarely have a next one in their epoch.
    if (isPromise(verified) && isApplication) opened.lookAhead();
    await verified;
    config.registry.checkAuthenticatedData(content.authenticatedData, groupContext);
    if (isApplication) return { received: applicationMessage(content, leafNode), finish: () => state };
    return receiveHandshake(config, state, opened.content, bytes);
  });
  return { state: finish(), received };
}

async function receivePublic(
  config: GroupConfig,
  state: GroupState,
  message: PublicMessage,
  bytes: Uint8Array,
): Promise<Reception> {
  const { current } = state;
  const { membershipKey } = current.secrets;
  const { proposalTypes } = config.registry;
  const context = contextBytes(current);
  const authenticated = await openPublic(config.provider, message, context, membershipKey, proposalTypes);
  const { sender, content } = authenticated.content;
  if (sender.senderType === SenderType.member && sender.leafIndex === current.keys.leafIndex) {
    if (content.contentType === ContentType.proposal) return { state, received: { kind: "own" } };
    throw new MlsError("own-message", "a commit of this client's own, which is no longer pending");
  }
  await verifySender(config, current, authenticated);
  const { received, finish } = await receiveHandshake(config, state, authenticated, bytes);
  return { state: finish(), received };
}

/** A valid message. `finish` gives the state after it; call it once the message's key is consumed. */
interface Handled {
  readonly received: Received;
  readonly finish: () => GroupState;
}

/** A proposal or a commit whose signature is verified. */
async function receiveHandshake(
  config: GroupConfig,
  state: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Uint8Array,
): Promise<Handled> {
  const { current, status, proposals, pending } = state;
  const { content, authenticatedData } = authenticated.content;
  if (status !== "active") throw new MlsError("closed", "the group ended by ReInit");
  if (content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated);
    const received = reportProposal(current, authenticated, cached);
    return { received, finish: () => withProposal(state, cached) };
  }
  const find = (reference: Uint8Array) => proposals.find((one) => equalBytes(one.reference, reference));
  const processed = await processCommit(config, current, authenticated, find);
  const { committer, applied, tree } = processed;
  const epoch = await openEpoch(config, current, processed, (reference) => find(reference)?.leafKey);
  const changes = changesOf(applied);
  const ending = { endedBy: await commitDigest(config.provider, bytes), endedByOwn: false };
  const { maxPastEpochs } = config.policy;
  return {
    received: reportCommit(processed, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      own: false,
      active: epoch !== undefined && changes.reinit === undefined,
      droppedPending: pending !== undefined,
      dropped: epoch === undefined ? [] : ownDropped(state, processed.proposals, tree, config.registry),
      authenticatedData,
    }),
    finish: () =>
      epoch === undefined ? leaveGroup(state) : enterEpoch(state, epoch, changes, ending, maxPastEpochs),
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
    // A copy, so that the rest of the plaintext isn't kept with it.
    data: content.applicationData.slice(),
    authenticatedData,
  };
}
