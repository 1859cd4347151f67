// RFC 9420 §6.2, §12.4.2, §16.4.3: following a group without being a member.
import { equalBytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { readPublic } from "../../framing/index.js";
import { ContentType, type GroupInfo, MlsMessage, WireFormat } from "../../wire/index.js";
import { processCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { type PublicEpoch, publicEpoch } from "../epoch.js";
import { openGroupInfo } from "../join/index.js";
import { memberOf } from "../member.js";
import type { EndedEpoch } from "../past-epoch.js";
import { checkMessageSize } from "../policy.js";
import { cacheProposal, changesOf, verifySender, withProposal } from "../proposals/index.js";
import type { CachedProposal } from "../state.js";
import { checkHeader, checkPastCommit, commitDigest } from "../header.js";
import type { CommitMessage, ProposalMessage } from "./message-types.js";
import { reportCommit, reportProposal } from "./report.js";

/** All that a follower keeps of a group. */
export interface PublicGroupState {
  readonly current: PublicEpoch;
  readonly proposals: readonly CachedProposal[];
  /** The last epochs, the latest first. */
  readonly ended: readonly EndedEpoch[];
  /** Whether a ReInit was committed: the group accepts no handshake any more. */
  readonly over: boolean;
}

/** The number of past epochs whose commits are known, to tell a repetition from a conflict. */
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
  const current = await openGroupInfo(config, groupInfo, ratchetTree);
  return { current, proposals: [], ended: [], over: false };
}

/**
 * Follows a handshake in a PublicMessage. Everything is checked but what needs the group's secrets: the membership
 * tag, the confirmation tag, and the path secrets.
 * @throws MlsError, and nothing changes: `wrong-epoch` for a message of another epoch; `fork` for a commit of an
 *   epoch that another commit has ended; `consumed` for a repetition
 */
export async function followMessage(
  config: GroupConfig,
  state: PublicGroupState,
  bytes: Uint8Array,
): Promise<{ state: PublicGroupState; received: ProposalMessage | CommitMessage }> {
  const { provider, policy, registry } = config;
  checkMessageSize(policy, bytes);
  const message = decode(MlsMessage, bytes, registry.proposalTypes);
  if (message.wireFormat !== WireFormat.publicMessage) {
    throw new MlsError("usage", "expected a PublicMessage: a non-member can't read what is encrypted");
  }
  const { current, ended, over, proposals } = state;
  const { content } = message.publicMessage;
  const { epoch } = content;
  if (checkHeader(current.groupContext, content) === "past") {
    const past = ended.find((one) => one.epoch === epoch);
    if (past !== undefined && content.content.contentType === ContentType.commit) {
      await checkPastCommit(provider, past, bytes);
    }
    throw new MlsError(
      "wrong-epoch",
      `expected a message of epoch ${current.groupContext.epoch}, got one of epoch ${epoch}`,
    );
  }
  if (over) throw new MlsError("closed", "the group ended by ReInit");
  const authenticated = readPublic(message.publicMessage, registry.proposalTypes);
  await verifySender(config, current, authenticated);
  if (content.content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated);
    return { state: withProposal(state, cached), received: reportProposal(current, authenticated, cached) };
  }
  const processed = await processCommit(config, current, authenticated, (reference) =>
    proposals.find((one) => equalBytes(one.reference, reference)),
  );
  const { groupContext, tree, confirmationTag, applied, committer } = processed;
  const changes = changesOf(applied);
  const last = { epoch, endedBy: await commitDigest(provider, bytes), endedByOwn: false };
  return {
    state: {
      current: await publicEpoch(provider, groupContext, tree, confirmationTag),
      proposals: [],
      ended: [last, ...ended].slice(0, MAX_ENDED),
      over: changes.reinit !== undefined,
    },
    received: reportCommit(processed, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      own: false,
      active: changes.reinit === undefined,
      droppedPending: false,
      dropped: [],
      authenticatedData: content.authenticatedData,
    }),
  };
}
