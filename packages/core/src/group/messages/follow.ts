// RFC 9420 §6.2, §12.4.2, §16.4.3: following a group without being a member of it.
import { equalBytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { ensure, MlsError } from "../../errors.js";
import { checkSender, verifyContent } from "../../framing/index.js";
import { confirmedTranscriptHash, interimTranscriptHash } from "../../schedule/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type GroupInfo,
  MlsMessage,
  WireFormat,
} from "../../wire/index.js";
import { type PublicEpoch, stageCommit } from "../commit/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, provisionalContext } from "../epoch.js";
import { openTree } from "../join/index.js";
import { memberOf } from "../member.js";
import { cacheProposal, changesOf, checkMessageSize, signatureKeyOf } from "../proposals/index.js";
import type { CachedProposal } from "../state.js";
import type { CommitMessage, ProposalMessage } from "./received.js";
import { reportCommit, reportProposal } from "./report.js";

/** All that an observer keeps of a group. */
export interface PublicGroupState {
  readonly current: PublicEpoch;
  readonly proposals: readonly CachedProposal[];
  /** Digests of the commits that ended the last epochs, the latest first. */
  readonly ended: readonly { readonly epoch: bigint; readonly commit: Uint8Array }[];
  /** Whether a ReInit was committed: then no handshake is right any more. */
  readonly over: boolean;
}

/** How many digests of commits are kept, to tell a repetition from a conflict. */
const MAX_ENDED = 64;

/**
 * The state of a group as a GroupInfo tells it.
 * @throws ValidationError, DecodeError; MlsError `missing` without a tree
 */
export async function followFrom(
  config: GroupConfig,
  groupInfo: GroupInfo,
  ratchetTree: Uint8Array | undefined,
): Promise<PublicGroupState> {
  const { provider } = config;
  const { groupContext, confirmationTag } = groupInfo;
  ensure(
    groupContext.cipherSuite === provider.suite.id,
    "12.4.3.1: the cipher suite in the GroupInfo must match the client's",
    () => `suite ${groupContext.cipherSuite}`,
  );
  const tree = await openTree(config, groupInfo, ratchetTree);
  const { confirmedTranscriptHash: confirmed } = groupContext;
  const interim = await interimTranscriptHash(provider, confirmed, confirmationTag);
  return {
    current: { groupContext, tree, interimTranscriptHash: interim },
    proposals: [],
    ended: [],
    over: false,
  };
}

/**
 * Follows a handshake in a PublicMessage. All is checked but what takes the group's secrets: the membership tag,
 * the confirmation tag, and what path secrets say.
 * @throws MlsError, and nothing changes: `wrong-epoch` for a message that is stale or ahead; `fork` for a commit
 *   of an epoch that another commit has ended; `consumed` for one that came before
 */
export async function observe(
  config: GroupConfig,
  state: PublicGroupState,
  bytes: Uint8Array,
): Promise<{ state: PublicGroupState; received: ProposalMessage | CommitMessage }> {
  const { provider } = config;
  checkMessageSize(config, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  if (message.wireFormat !== WireFormat.publicMessage) {
    throw new MlsError("usage", "an observer follows PublicMessages: it can't read what is encrypted");
  }
  const { current, over } = state;
  const { content, auth } = message.publicMessage;
  await checkPlace(config, state, content, bytes);
  if (over) throw new MlsError("closed", "the group is to be reinitialized, and no longer in use");
  ensure(
    content.content.contentType !== ContentType.application,
    "6: applications must use PrivateMessage to encrypt application messages",
  );
  checkSender(content, config.registry.proposalTypes);
  const authenticated: AuthenticatedContent = { wireFormat: WireFormat.publicMessage, content, auth };
  await verifyContent(provider, authenticated, contextBytes(current), signatureKeyOf(content, current));
  config.registry.checkAuthenticatedData(content.authenticatedData, current.groupContext);
  if (content.content.contentType === ContentType.proposal) {
    const cached = await cacheProposal(config, current, authenticated);
    const known = state.proposals.some(({ reference }) => equalBytes(reference, cached.reference));
    return {
      state: known ? state : { ...state, proposals: [...state.proposals, cached] },
      received: reportProposal(current, authenticated, cached),
    };
  }
  return follow(config, state, authenticated, bytes);
}

async function checkPlace(
  { provider }: GroupConfig,
  { current, ended }: PublicGroupState,
  { groupId, epoch, content }: AuthenticatedContent["content"],
  bytes: Uint8Array,
): Promise<void> {
  const { groupContext } = current;
  if (!equalBytes(groupId, groupContext.groupId)) {
    throw new MlsError("wrong-group", "the message belongs to another group");
  }
  if (epoch === groupContext.epoch) return;
  const before = ended.find((one) => one.epoch === epoch);
  if (before !== undefined && content.contentType === ContentType.commit) {
    if (equalBytes(before.commit, await provider.hash.hash(bytes))) {
      throw new MlsError("consumed", "this commit was received before");
    }
    throw new MlsError("fork", `another commit ended epoch ${epoch}: this one is in conflict with it`);
  }
  throw new MlsError("wrong-epoch", `the message is of epoch ${epoch}, the group in ${groupContext.epoch}`);
}

async function follow(
  config: GroupConfig,
  state: PublicGroupState,
  authenticated: AuthenticatedContent,
  bytes: Uint8Array,
): Promise<{ state: PublicGroupState; received: CommitMessage }> {
  const { provider } = config;
  const { current } = state;
  const staged = await stageCommit(config, current, authenticated, (reference) =>
    state.proposals.find((one) => equalBytes(one.reference, reference)),
  );
  const { auth, content } = authenticated;
  const { confirmationTag } = auth;
  ensure(
    confirmationTag?.length === provider.suite.hash.Nh,
    "6.1: the confirmation tag of a commit is a MAC of the suite",
  );
  const { tree, extensions, committer, applied } = staged;
  const confirmed = await confirmedTranscriptHash(provider, current.interimTranscriptHash, authenticated);
  const groupContext = {
    ...provisionalContext(current, await tree.treeHash(provider), extensions),
    confirmedTranscriptHash: confirmed,
  };
  const interim = await interimTranscriptHash(provider, confirmed, confirmationTag);
  const changes = changesOf(applied);
  const over = changes.reinit !== undefined;
  const commit = (await provider.hash.hash(bytes)).slice();
  const ended = [{ epoch: current.groupContext.epoch, commit }, ...state.ended].slice(0, MAX_ENDED);
  return {
    state: { current: { groupContext, tree, interimTranscriptHash: interim }, proposals: [], ended, over },
    received: reportCommit({ groupContext, tree }, changes, {
      committer: memberOf(committer.leafIndex, committer.leafNode),
      own: false,
      active: !over,
      droppedPending: false,
      dropped: [],
      authenticatedData: content.authenticatedData,
    }),
  };
}
