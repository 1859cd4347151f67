// RFC 9420 §6, §12.1, §12.4.2, §15: what a member does with a message that it receives.
import type { Bytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { onFailure } from "../../crypto/index.js";
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
import { type Candidate, findCandidate, leastExpected } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch, wipeEpoch } from "../epoch.js";
import { checkReceived } from "../limits.js";
import { memberOf } from "../member.js";
import { checkEpoch, checkGroupId, isOwnEnding } from "../past-epoch.js";
import { cacheProposal, senderLeaf, verifySender, withProposal } from "../proposals/index.js";
import {
  type GroupState,
  needActive,
  needMember,
  needOpen,
  stageCandidate,
  type Transition,
} from "../state.js";
import { explained, type Said } from "./explain.js";
import { forkOf, refuseConflict } from "./fork.js";
import { mergeReceived, mergeStaged, openCommit, type Reception } from "./merge.js";
import { type ApplicationMessage, type Received, reportOwn, reportProposal } from "./report.js";

/** A valid message: the step that it leads to, or a commit; and the key that a PrivateMessage had. */
type Opened = ({ readonly reception: Reception } | { readonly commit: Candidate }) & {
  readonly key?: OpenedPrivateMessage | undefined;
};

/** A message after which there is nothing to release. */
function noStep(state: GroupState, received: Received, key?: OpenedPrivateMessage): Opened {
  return { reception: { state, received }, key };
}

/**
 * Receives an encoded MLSMessage. Nothing changes, not even a key is consumed, before the caller makes the step.
 * @throws as `Group.receive`
 */
export async function receiveMessage(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
): Promise<Reception> {
  needOpen(state);
  const staged = findCandidate(state.candidates, bytes);
  if (staged !== undefined) return mergeStaged(config, state, staged);
  const opened = await openMessage(config, state, bytes);
  const { key } = opened;
  let reception: Reception | undefined;
  try {
    reception = "commit" in opened ? await mergeReceived(config, state, opened.commit) : opened.reception;
    // Only now: a junk message in another member's name must not cost as much.
    await key?.complete();
  } catch (error) {
    key?.discard();
    reception?.drop?.();
    throw error;
  }
  if (key === undefined) return reception;
  const { state: next, received, release, drop: dropStep } = reception;
  const drop = () => {
    key.discard();
    dropStep?.();
  };
  return { state: next, received, release, consume: key.consume, drop };
}

/** The step by which a commit is staged. */
export interface Staging extends Transition {
  readonly commit: Candidate;
  /** Overwrites what was derived, if the step isn't made. */
  readonly drop?: (() => void) | undefined;
}

/**
 * Stages an encoded MLSMessage with a commit. Its key isn't consumed: so it can be staged again, if it is forgotten.
 * @throws as `Group.stage`
 */
export async function stageMessage(config: GroupConfig, state: GroupState, bytes: Bytes): Promise<Staging> {
  needOpen(state);
  const staged = findCandidate(state.candidates, bytes);
  if (staged !== undefined) {
    const commit = { ...staged, discarded: false };
    const candidates = state.candidates.map((one) => (one === staged ? commit : one));
    return { state: { ...state, candidates }, commit };
  }
  leastExpected(state.candidates);
  const opened = await openMessage(config, state, bytes, ContentType.commit);
  opened.key?.discard();
  if (!("commit" in opened)) throw new MlsError("duplicate", "this commit is in force already");
  const { commit } = opened;
  return {
    commit,
    drop: () => commit.epoch && wipeEpoch(commit.epoch),
    ...stageCandidate(state, commit),
  };
}

/** @param only the one content type that is wanted @throws MlsError `usage` for another one, before it is opened */
function openMessage(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  only?: ContentType,
): Promise<Opened> {
  checkReceived(config, state.current, bytes);
  // `checkReceived` has refused all others.
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes) as Handshake;
  const header = headerOf(message);
  if (only !== undefined && header.contentType !== only)
    throw new MlsError("usage", "expected a commit: receive() takes all other messages");
  return explained(header, () => {
    if (isPast(state, header)) return receivePast(config, state, bytes, header, message);
    return message.wireFormat === WireFormat.publicMessage
      ? receivePublic(config, state, message.publicMessage, bytes)
      : receivePrivate(config, state, message.privateMessage, bytes);
  });
}

type Header = Said & Pick<PrivateMessage, "contentType" | "authenticatedData">;
type Handshake = Extract<MlsMessage, { readonly wireFormat: 1 | 2 }>;

function headerOf(message: Handshake): Header {
  if (message.wireFormat === WireFormat.privateMessage) return message.privateMessage;
  const { content, ...header } = message.publicMessage.content;
  return { contentType: content.contentType, ...header };
}

function isPast(state: GroupState, header: Header): boolean {
  const { groupContext } = state.current;
  checkGroupId(groupContext, header);
  needMember(state);
  if (header.epoch < groupContext.epoch) return true;
  checkEpoch(groupContext, header);
  return false;
}

/**
 * §15.3: a message of a past epoch: a late application message, or the own commit that ended the epoch.
 * @throws MlsError `duplicate` for a message that was received before, `forgotten` if its keys are deleted; `fork` for a
 *   member's commit if another one ended the epoch here; `past-epoch` for a late proposal
 */
async function receivePast(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  header: Header,
  message: Handshake,
): Promise<Opened> {
  const { provider, registry } = config;
  const { epoch, contentType } = header;
  const past = state.past.find((one) => one.epoch === epoch);
  const isCommit = contentType === ContentType.commit;
  const ended = past ?? (state.joinedBy?.epoch === epoch ? state.joinedBy : undefined);
  if (isCommit && ended !== undefined && (await isOwnEnding(provider, ended, bytes)))
    return noStep(state, reportOwn(header, true));
  if (past === undefined) {
    const application = contentType === ContentType.application;
    throw new MlsError(application ? "forgotten" : "past-epoch", `the keys of epoch ${epoch} are deleted`);
  }
  if (isCommit && message.wireFormat === WireFormat.publicMessage)
    return refuseConflict(config, past, message.publicMessage);
  if (message.wireFormat === WireFormat.publicMessage || contentType === ContentType.proposal) {
    throw new MlsError(
      "past-epoch",
      `expected a proposal of epoch ${state.current.groupContext.epoch}, got epoch ${epoch}`,
    );
  }
  const opened = await openUnlessOwn(config, state, message.privateMessage, past);
  if (opened === undefined) return noStep(state, reportOwn(message.privateMessage, false));
  const check = async () => {
    const leafNode = senderLeaf(opened.content.content, past.tree);
    await verifyContent(provider, opened.content, past.groupContext, leafNode.signatureKey);
    if (isCommit) throw forkOf(epoch, opened.leafIndex);
    if (registry.definitions.length > 0) {
      const { authenticatedData } = message.privateMessage;
      registry.checkAuthenticatedData(authenticatedData, decode(GroupContext, past.groupContext));
    }
    return noStep(state, applicationMessage(opened.content.content, leafNode), opened);
  };
  return onFailure(check, opened.discard);
}

/** Opens a PrivateMessage. Returns `undefined` for an application message or proposal of this client's own. */
async function openUnlessOwn(
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

async function receivePrivate(
  config: GroupConfig,
  state: GroupState,
  message: PrivateMessage,
  bytes: Bytes,
): Promise<Opened> {
  const { current } = state;
  const { tree, secretTree, secrets, groupContext } = current;
  const { senderDataSecret } = secrets;
  const opened = await openUnlessOwn(config, state, message, { tree, secretTree, senderDataSecret });
  if (opened === undefined) return noStep(state, reportOwn(message, false));
  // If the message is refused, its key stays available.
  const check = async () => {
    const { content } = opened.content;
    const leafNode = senderLeaf(content, tree);
    const isApplication = content.content.contentType === ContentType.application;
    await verifyContent(config.provider, opened.content, contextBytes(current), leafNode.signatureKey);
    config.registry.checkAuthenticatedData(content.authenticatedData, groupContext);
    if (isApplication) return noStep(state, applicationMessage(content, leafNode), opened);
    return receiveHandshake(config, state, opened.content, bytes, opened);
  };
  return onFailure(check, opened.discard);
}

async function receivePublic(
  config: GroupConfig,
  state: GroupState,
  message: PublicMessage,
  bytes: Bytes,
): Promise<Opened> {
  const { current } = state;
  const { membershipKey } = current.secrets;
  const { proposalTypes } = config.registry;
  const context = contextBytes(current);
  const authenticated = await openPublic(config.provider, message, context, membershipKey, proposalTypes);
  const { sender, content } = authenticated.content;
  await verifySender(config, current, authenticated);
  const isOwn = sender.senderType === SenderType.member && sender.leafIndex === current.keys.leafIndex;
  if (isOwn && content.contentType === ContentType.proposal)
    return noStep(state, reportOwn(authenticated.content, true));
  return receiveHandshake(config, state, authenticated, bytes);
}

/** Receives a proposal or a commit whose signature was verified: so its sender is known, if it is refused. */
async function receiveHandshake(
  config: GroupConfig,
  state: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Bytes,
  key?: OpenedPrivateMessage,
): Promise<Opened> {
  return explained(authenticated.content, () => takeHandshake(config, state, authenticated, bytes, key));
}

async function takeHandshake(
  config: GroupConfig,
  state: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Bytes,
  key: OpenedPrivateMessage | undefined,
): Promise<Opened> {
  const { current, proposals } = state;
  needActive(state);
  if (authenticated.content.content.contentType === ContentType.commit)
    return { commit: await openCommit(config, state, authenticated, bytes, key?.generation), key };
  const cached = await cacheProposal(config, current, authenticated, {
    direction: "receiving",
    own: false,
    known: proposals,
  });
  const received = reportProposal(current, authenticated, cached);
  return noStep(withProposal(state, cached), received, key);
}

function applicationMessage(
  { sender, epoch, content, authenticatedData }: FramedContent,
  leafNode: LeafNode,
): ApplicationMessage {
  if (content.contentType !== ContentType.application || sender.senderType !== SenderType.member) {
    throw new MlsError("usage", "expected application data");
  }
  return {
    kind: "application",
    epoch,
    sender: memberOf(sender.leafIndex, leafNode),
    // A copy: a view would keep the whole plaintext in memory.
    data: content.applicationData.slice(),
    authenticatedData: authenticatedData.slice(),
  };
}
