// RFC 9420 §6, §12.1, §12.4.2, §15: what a member does with a message that it receives.
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
import { openEpoch, processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch, wipeEpoch } from "../epoch.js";
import { checkReceived } from "../limits.js";
import { memberOf } from "../member.js";
import { checkEpoch, checkGroupId, commitDigest, isOwnEnding } from "../past-epoch.js";
import {
  cacheProposal,
  changesOf,
  findProposal,
  senderLeaf,
  verifySender,
  withProposal,
} from "../proposals/index.js";
import {
  enterEpoch,
  enterJoined,
  type GroupState,
  leaveGroup,
  needActive,
  needMember,
  needOpen,
  type PendingCommit,
  type Transition,
} from "../state.js";
import { forkOf, refuseConflict } from "./fork.js";
import {
  type ApplicationMessage,
  type CommitMessage,
  ownDropped,
  type Received,
  reportCommit,
  reportOwn,
  reportProposal,
} from "./report.js";

/** A valid message: the step that it makes, and what the application is told about it. */
export interface Reception<R extends Received = Received> extends Transition {
  readonly received: R;
  /** Deletes the message's key (§9.2). Call it before the step. @throws MlsError `consumed` */
  readonly consume?: () => void;
  /** Overwrites what was derived, if the step isn't made. */
  readonly drop?: () => void;
}

/** The reception of a message that has no effect on the state. */
function noStep(state: GroupState, received: Received): Reception {
  return { state, received, release: () => undefined };
}

/**
 * Receives an encoded MLSMessage. Nothing changes, not even a key is consumed, before the caller makes the step.
 * @throws as `Group.receive`
 */
export async function receiveMessage(
  config: GroupConfig,
  state: GroupState,
  bytes: Uint8Array,
): Promise<Reception> {
  needOpen(state);
  const { pending } = state;
  if (pending !== undefined && equalBytes(bytes, pending.commit)) return mergePending(config, state, pending);
  checkReceived(config, state.current, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  switch (message.wireFormat) {
    case WireFormat.publicMessage: {
      const { groupId, epoch, content } = message.publicMessage.content;
      const header = { groupId, epoch, contentType: content.contentType };
      return isPast(state, header)
        ? receivePast(config, state, bytes, header, message)
        : receivePublic(config, state, message.publicMessage, bytes);
    }
    case WireFormat.privateMessage: {
      const { privateMessage } = message;
      return isPast(state, privateMessage)
        ? receivePast(config, state, bytes, privateMessage, message)
        : receivePrivate(config, state, privateMessage, bytes);
    }
    default:
      throw new MlsError("usage", "expected a PublicMessage or a PrivateMessage; join() takes a Welcome");
  }
}

/** The step to the epoch of the pending commit. */
export async function mergePending(
  config: GroupConfig,
  state: GroupState,
  pending: PendingCommit,
): Promise<Reception<CommitMessage>> {
  const { provider, policy } = config;
  const { commit, epoch, changes, authenticatedData } = pending;
  const endedBy = await commitDigest(provider, commit);
  const { leafIndex } = epoch.keys;
  const received = reportCommit(epoch, changes, {
    committer: memberOf(leafIndex, epoch.tree.leaf(leafIndex) as LeafNode),
    external: state.status === "joining",
    own: true,
    active: changes.reinit === undefined,
    authenticatedData,
  });
  if (state.status === "joining") {
    return {
      ...enterJoined(state, { epoch: epoch.groupContext.epoch - 1n, endedBy, endedByOwn: true }),
      received,
    };
  }
  const ending = { endedBy, endedByOwn: true, joined: changes.added };
  return { ...enterEpoch(state, epoch, changes, ending, policy.maxPastEpochs), received };
}

/** The part of a message that can be read before it is opened. */
type Header = Pick<PrivateMessage, "groupId" | "epoch" | "contentType">;

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
 * @throws MlsError `consumed` for a message that was received before, or whose keys are deleted; `fork` for a
 *   member's commit if another one ended the epoch here; `past-epoch` for a late proposal
 */
async function receivePast(
  config: GroupConfig,
  state: GroupState,
  bytes: Uint8Array,
  { epoch, contentType }: Header,
  message: Extract<MlsMessage, { readonly wireFormat: 1 | 2 }>,
): Promise<Reception> {
  const { provider, registry } = config;
  const past = state.past.find((one) => one.epoch === epoch);
  const isCommit = contentType === ContentType.commit;
  const ended = past ?? (state.joinedBy?.epoch === epoch ? state.joinedBy : undefined);
  if (isCommit && ended !== undefined && (await isOwnEnding(provider, ended, bytes)))
    return noStep(state, reportOwn(contentOf(message), true));
  if (past === undefined) {
    const application = contentType === ContentType.application;
    throw new MlsError(application ? "consumed" : "past-epoch", `the keys of epoch ${epoch} are deleted`, {
      epoch,
    });
  }
  if (isCommit && message.wireFormat === WireFormat.publicMessage)
    return refuseConflict(config, past, message.publicMessage);
  if (message.wireFormat === WireFormat.publicMessage || contentType === ContentType.proposal) {
    throw new MlsError(
      "past-epoch",
      `expected a proposal of epoch ${state.current.groupContext.epoch}, got epoch ${epoch}`,
      { epoch },
    );
  }
  const opened = await openUnlessOwn(config, state, message.privateMessage, past);
  if (opened === undefined) return noStep(state, reportOwn(message.privateMessage, false));
  return holding(opened, async () => {
    const leafNode = senderLeaf(opened.content.content, past.tree);
    await verifyContent(provider, opened.content, past.groupContext, leafNode.signatureKey);
    if (isCommit) throw forkOf(epoch);
    if (registry.definitions.length > 0) {
      const { authenticatedData } = message.privateMessage;
      registry.checkAuthenticatedData(authenticatedData, decode(GroupContext, past.groupContext));
    }
    return noStep(state, applicationMessage(opened.content.content, leafNode));
  });
}

function contentOf(message: Extract<MlsMessage, { readonly wireFormat: 1 | 2 }>) {
  return message.wireFormat === WireFormat.publicMessage
    ? message.publicMessage.content
    : message.privateMessage;
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

/** Adds to a reception that the message's key is consumed. If the message is refused, the key stays available. */
async function holding(opened: OpenedPrivateMessage, check: () => Promise<Reception>): Promise<Reception> {
  try {
    const reception = await check();
    // Only now: a junk message in another member's name must not cost as much.
    await opened.complete();
    const drop = () => {
      opened.discard();
      reception.drop?.();
    };
    return { ...reception, consume: opened.consume, drop };
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
  const opened = await openUnlessOwn(config, state, message, { tree, secretTree, senderDataSecret });
  if (opened === undefined) return noStep(state, reportOwn(message, false));
  return holding(opened, async () => {
    const { content } = opened.content;
    const leafNode = senderLeaf(content, tree);
    const isApplication = content.content.contentType === ContentType.application;
    await verifyContent(config.provider, opened.content, contextBytes(current), leafNode.signatureKey);
    config.registry.checkAuthenticatedData(content.authenticatedData, groupContext);
    if (isApplication) return noStep(state, applicationMessage(content, leafNode));
    return receiveHandshake(config, state, opened.content, bytes);
  });
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
    if (content.contentType === ContentType.proposal) {
      await verifySender(config, current, authenticated);
      return noStep(state, reportOwn(authenticated.content, true));
    }
    throw new MlsError("own-message", "received this client's own commit, which is no longer pending");
  }
  await verifySender(config, current, authenticated);
  return receiveHandshake(config, state, authenticated, bytes);
}

/** Receives a proposal or a commit whose signature was verified. */
async function receiveHandshake(
  config: GroupConfig,
  state: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Uint8Array,
): Promise<Reception> {
  const { current, proposals, pending } = state;
  const { content, authenticatedData } = authenticated.content;
  needActive(state);
  if (content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated, "receiving", proposals);
    const received = reportProposal(current, authenticated, cached);
    return noStep(withProposal(state, cached), received);
  }
  // What was valid when it came stays so, also after a restart: others don't check it again either.
  const find = (reference: Uint8Array) => {
    const found = findProposal(proposals, reference);
    return found && { ...found, checked: true };
  };
  const processed = await processCommit(config, current, authenticated, find);
  const { committer, applied, tree } = processed;
  const external = authenticated.content.sender.senderType === SenderType.newMemberCommit;
  const ending = {
    endedBy: await commitDigest(config.provider, bytes),
    endedByOwn: false,
    joined: [...applied.added.map(({ leafIndex }) => leafIndex), ...(external ? [committer.leafIndex] : [])],
  };
  const epoch = await openEpoch(config, current, processed, (reference) => find(reference)?.leafKey);
  const changes = changesOf(applied);
  const { maxPastEpochs } = config.policy;
  return {
    ...(epoch === undefined
      ? leaveGroup(state, "removed")
      : enterEpoch(state, epoch, changes, ending, maxPastEpochs)),
    received: reportCommit(processed, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      external,
      active: epoch !== undefined && changes.reinit === undefined,
      droppedPending: pending !== undefined,
      dropped: epoch === undefined ? [] : ownDropped(state, processed.proposals, tree, config.registry),
      authenticatedData,
    }),
    drop: () => {
      if (epoch !== undefined) wipeEpoch(epoch);
    },
  };
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
