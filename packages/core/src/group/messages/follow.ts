// RFC 9420 §6.2, §12.4.2, §16.4.3: following a group without being a member.
import type { Bytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { readPublic } from "../../framing/index.js";
import {
  ContentType,
  type GroupInfo,
  MlsMessage,
  type PublicMessage,
  peekMessage,
  WireFormat,
} from "../../wire/index.js";
import type { PublicCandidate } from "../candidate.js";
import { processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { digestOf } from "../digest.js";
import { contextBytes, type PublicEpoch, publicEpoch } from "../epoch.js";
import { openPublicEpoch } from "../join/index.js";
import { checkReceived } from "../limits.js";
import { checkEpoch, checkGroupId, type EndedEpoch, isOwnEnding } from "../past-epoch.js";
import { cacheProposal, proposalFinder, verifySender, withProposal } from "../proposals/index.js";
import type { CachedProposal } from "../state.js";
import { explained } from "./explain.js";
import { refuseConflict, type VerifiableEpoch } from "./fork.js";
import { receivedCommit } from "./merge.js";
import { type CommitMessage, type ProposalMessage, reportCommit, reportProposal } from "./report.js";

/** The state of a group as a follower has it. */
export interface PublicGroupState {
  readonly current: PublicEpoch;
  readonly proposals: readonly CachedProposal[];
  /** The last epochs, the latest first. */
  readonly ended: readonly (EndedEpoch & VerifiableEpoch)[];
  /** Whether a ReInit was committed. Then the group accepts no further handshake. */
  readonly reinitialized: boolean;
}

/** How many past epochs a follower remembers, to tell a repeated commit from a conflicting one. */
const MAX_ENDED = 64;

/**
 * The state of a group as a GroupInfo describes it.
 * @throws ValidationError, DecodeError; MlsError `missing` without a tree
 */
export async function followFrom(
  config: GroupConfig,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<PublicGroupState> {
  const current = await openPublicEpoch(config, groupInfo, ratchetTree);
  return { current, proposals: [], ended: [], reinitialized: false };
}

/**
 * The state by a member's GroupInfo in place of a follower's present one.
 * @throws MlsError `wrong-group` for another group; `unknown-sender` if the follower doesn't know its signer as a member
 */
export async function resumeFrom(
  config: GroupConfig,
  { current }: PublicGroupState,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<PublicGroupState> {
  checkGroupId(current.groupContext, groupInfo.groupContext);
  const state = await followFrom(config, groupInfo, ratchetTree);
  const signer = state.current.tree.leaf(groupInfo.signer);
  if (signer === undefined || !current.tree.hasSignatureKey(signer.signatureKey)) {
    throw new MlsError("unknown-sender", "expected a GroupInfo of somebody who is known as a member");
  }
  return state;
}

/** A handshake that a follower has checked. */
export interface Followed {
  /** The group after it. */
  readonly state: PublicGroupState;
  readonly received: ProposalMessage | CommitMessage;
}

/** A commit that a follower has checked. */
export interface FollowedCommit extends Followed {
  readonly received: CommitMessage;
  readonly commit: PublicCandidate;
}

/**
 * Follows a handshake in a PublicMessage. Checks everything except what needs the group's secrets: the membership
 * tag, the confirmation tag, and the path secrets.
 * @throws MlsError, and nothing changes: `future-epoch` and `past-epoch` for a message of another epoch; `fork` for a member's commit of
 *   an epoch that another commit ended; `duplicate` for a repeated commit
 */
export async function followMessage(
  config: GroupConfig,
  state: PublicGroupState,
  bytes: Bytes,
): Promise<Followed | FollowedCommit> {
  checkReceived(config, state.current, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  if (message.wireFormat !== WireFormat.publicMessage) {
    throw new MlsError("usage", "expected a PublicMessage: a non-member can't read what is encrypted");
  }
  return explained(message.publicMessage.content, () =>
    followHandshake(config, state, message.publicMessage, bytes),
  );
}

/** The same for a commit alone. @throws MlsError as {@link followMessage}; `usage` for any other message */
export async function followCommit(
  config: GroupConfig,
  state: PublicGroupState,
  bytes: Bytes,
): Promise<FollowedCommit> {
  // Before a proposal costs anything.
  if (peekMessage(bytes).contentType === ContentType.commit) {
    const followed = await followMessage(config, state, bytes);
    if ("commit" in followed) return followed;
  }
  throw new MlsError("usage", "expected a commit: receive() takes proposals");
}

async function followHandshake(
  config: GroupConfig,
  state: PublicGroupState,
  message: PublicMessage,
  bytes: Bytes,
): Promise<Followed | FollowedCommit> {
  const { provider, registry } = config;
  const { current, ended, proposals } = state;
  const { content } = message;
  const { epoch } = content;
  const isCommit = content.content.contentType === ContentType.commit;
  checkGroupId(current.groupContext, content);
  if (epoch < current.groupContext.epoch && isCommit) {
    const past = ended.find((one) => one.epoch === epoch);
    if (past !== undefined) {
      await isOwnEnding(provider, past, bytes);
      await refuseConflict(config, past, message);
    }
  }
  checkEpoch(current.groupContext, content);
  if (state.reinitialized) throw new MlsError("closed", "the group ended by ReInit");
  const authenticated = readPublic(message, registry.proposalTypes);
  await verifySender(config, current, authenticated);
  if (content.content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated, {
      direction: "receiving",
      own: false,
      known: proposals,
    });
    return { state: withProposal(state, cached), received: reportProposal(current, authenticated, cached) };
  }
  const processed = await processCommit(config, current, authenticated, proposalFinder(proposals));
  const { groupContext, tree, confirmationTag } = processed;
  const commit = receivedCommit(processed, bytes);
  const last = {
    epoch,
    groupContext: contextBytes(current),
    tree: current.tree,
    endedBy: await digestOf(provider, bytes),
    endedByOwn: false,
  };
  return {
    commit,
    state: {
      current: await publicEpoch(provider, groupContext, tree, confirmationTag),
      proposals: [],
      ended: [last, ...ended].slice(0, MAX_ENDED),
      reinitialized: commit.changes.reinit !== undefined,
    },
    received: reportCommit(commit),
  };
}
