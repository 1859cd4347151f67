// RFC 9420 §9.2, §12.4.2: a received commit before it is in force, and the step that puts one in force.
import type { Bytes } from "../../bytes.js";
import { onFailure } from "../../crypto/index.js";
import { MlsError, withDetails } from "../../errors.js";
import type { PeekedKey } from "../../schedule/index.js";
import { type AuthenticatedContent, SenderType } from "../../wire/index.js";
import { type Candidate, listed, ownCandidates, type PublicCandidate } from "../candidate.js";
import { openEpoch, type ProcessedCommit, processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { digestOf } from "../digest.js";
import { type Epoch, epochContext, publicEpoch, wipeEpoch } from "../epoch.js";
import { changesOf, proposalFinder } from "../proposals/index.js";
import { enterEpoch, enterJoined, type GroupState, type Transition } from "../state.js";
import { type CommitMessage, isActive, ownDropped, type Received, reportCommit } from "./report.js";

/** A valid message: the step that it makes, and what the application is told about it. */
export interface Reception<R = Received> extends Transition {
  readonly received: R;
  /** Deletes the message's key (§9.2). Call it before the step. @throws MlsError `duplicate` */
  readonly consume?: (() => void) | undefined;
  /** Overwrites what was derived, if the step isn't made. */
  readonly drop?: (() => void) | undefined;
}

/** The public part of a commit that was received. @param commit the encoded MLSMessage */
export function receivedCommit(processed: ProcessedCommit, commit: Bytes): PublicCandidate {
  const { authenticated, committer, path, proposals, applied, groupContext, tree } = processed;
  const { sender, authenticatedData } = authenticated.content;
  return {
    commit,
    own: false,
    committer: committer.leafIndex,
    external: sender.senderType === SenderType.newMemberCommit,
    path: path !== undefined,
    proposals: listed(proposals),
    changes: changesOf(applied),
    authenticatedData,
    next: { groupContext, tree },
  };
}

/**
 * A commit whose signature was verified, with the epoch that it starts.
 * @param bytes the encoded MLSMessage
 * @param generation of its key, if it came in a PrivateMessage
 */
export async function openCommit(
  config: GroupConfig,
  { current, proposals }: GroupState,
  authenticated: AuthenticatedContent,
  bytes: Bytes,
  generation: number | undefined,
): Promise<Candidate> {
  // What was valid when it came stays so, also after a restart: others don't check it again either.
  const cached = proposalFinder(proposals);
  const find = (reference: Uint8Array) => {
    const found = cached(reference);
    return found && { ...found, checked: true };
  };
  const processed = await processCommit(config, current, authenticated, find);
  const epoch = await openOwnPart(config, current, processed, (reference) => find(reference)?.leafKey);
  const received = receivedCommit(processed, bytes);
  const next = epoch ?? received.next;
  const sent = { welcome: undefined, needsTree: false, discarded: false };
  return Object.assign(received, { next, epoch, generation, ...sent });
}

/** {@link openEpoch}. What it refuses other members may take. */
async function openOwnPart(...[config, current, processed, ownLeafKey]: Parameters<typeof openEpoch>) {
  const { authenticated, committer, groupContext, tree, confirmationTag } = processed;
  const { leafIndex: sender } = committer;
  try {
    if (sender === current.keys.leafIndex && authenticated.content.sender.senderType === SenderType.member)
      throw new MlsError("own-message", "this client's own commit isn't staged here any more");
    return await openEpoch(config, current, processed, ownLeafKey);
  } catch (error) {
    const next = await publicEpoch(config.provider, groupContext, tree, confirmationTag);
    throw withDetails(error, { alone: true, sender, leadsTo: epochContext(next) });
  }
}

/** The step to the epoch that a commit starts. */
async function mergeCommit(
  config: GroupConfig,
  state: GroupState,
  commit: Candidate,
): Promise<Reception<CommitMessage>> {
  const { provider, registry } = config;
  const endedBy = await digestOf(provider, commit.commit);
  const { epoch } = commit;
  const received = reportCommit(commit, {
    active: isActive(commit),
    droppedPending: ownCandidates(state.candidates).some((one) => one !== commit),
    dropped: epoch === undefined ? [] : ownDropped(state, commit, registry),
  });
  if (state.status === "joining") {
    const before = commit.next.groupContext.epoch - 1n;
    return { received, ...enterJoined(state, { epoch: before, endedBy, endedByOwn: true }) };
  }
  return { received, ...enterEpoch(config, state, commit, endedBy) };
}

/** {@link mergeCommit} for a commit that isn't staged. */
export function mergeReceived(
  config: GroupConfig,
  state: GroupState,
  commit: Candidate,
): Promise<Reception<CommitMessage>> {
  const drop = () => commit.epoch && wipeEpoch(commit.epoch);
  const step = async () => ({ drop, ...(await mergeCommit(config, state, commit)) });
  return onFailure(step, drop) as Promise<Reception<CommitMessage>>;
}

/** {@link mergeCommit} for a commit that is staged. If the step isn't made, it stays so. */
export async function mergeStaged(
  config: GroupConfig,
  state: GroupState,
  commit: Candidate,
): Promise<Reception<CommitMessage>> {
  const merged = await mergeCommit(config, state, commit);
  const key = await keyOf(state.current, commit);
  return { consume: key?.consume, drop: key?.discard, ...merged };
}

/** The key of a received PrivateMessage, which staging left in the secret tree (§9.2). */
export async function keyOf(
  { secretTree }: Pick<Epoch, "secretTree">,
  { committer, generation }: Candidate,
): Promise<PeekedKey | undefined> {
  if (generation === undefined) return undefined;
  try {
    const key = await secretTree.peek(committer, "handshake", generation);
    await onFailure(() => key.complete(), key.discard);
    return key;
  } catch (error) {
    // Another message of its sender had the same generation: the key is deleted already.
    if (error instanceof MlsError && error.code === "duplicate") return undefined;
    throw error;
  }
}
