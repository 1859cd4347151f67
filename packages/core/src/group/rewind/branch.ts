// RFC 9420 §12.4, §14: what a member does with messages of a kept epoch, or of a commit that is staged there.
import { type Bytes, equalBytes } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { ContentType, isCustomPsk, MlsMessage, PSKType, WireFormat } from "../../wire/index.js";
import type { Candidate } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import { digestOf } from "../digest.js";
import { checkReceived } from "../limits.js";
import {
  type CommitMessage,
  type Received,
  type Reception,
  receiveMessage,
  type Staging,
  stageMessage,
} from "../messages/index.js";
import { keptEpochs, type PastEpoch, pastEpoch } from "../past-epoch.js";
import { secondsNow, uint64Of } from "../policy.js";
import {
  type GroupState,
  type KeptEpoch,
  needMember,
  type RewindSteps,
  resumptionPskOf,
  rewindOf,
  stepTo,
} from "../state.js";
import { findKept, inForce, isOf, isTwin, keptIn, lineOf, treeOf, withStaged } from "./kept.js";

/** The state in a kept epoch that doesn't remove this client, as if it were the present one. Its secrets are the same objects. */
export async function stateIn(config: GroupConfig, state: GroupState, one: KeptEpoch): Promise<GroupState> {
  const { all } = treeOf(state);
  const [, ...before] = lineOf(all, one);
  const now = uint64Of(secondsNow(config.policy));
  const past: PastEpoch[] = [];
  let next = one;
  for (const { epoch, endedAt = now, ...kept } of before) {
    const { commit, own, external, changes, committer } = next.commit as Candidate;
    const endedBy = await digestOf(config.provider, commit);
    const joined = external ? [...changes.added, committer] : changes.added;
    // Whoever is followed by another one has secrets.
    if (epoch !== undefined) past.push(pastEpoch(epoch, { endedBy, endedByOwn: own, joined }, endedAt));
    next = { ...kept, epoch, endedAt };
  }
  // Before the oldest one, all branches are the same.
  const first = next.epoch?.groupContext.epoch ?? 0n;
  const older = state.past.filter(({ epoch }) => epoch < first);
  const reinit = one.commit?.changes.reinit;
  const children = all.flatMap(({ commit, on }) => (commit && on && on === one.epoch ? commit : []));
  return {
    ...state,
    status: reinit === undefined ? "active" : "reinitialized",
    current: one.epoch ?? state.current,
    past: keptEpochs([...past, ...older], config.policy),
    proposals: one.proposals,
    candidates: children,
    reinit,
  };
}

/** The configuration in such a state: the resumption PSKs of the group are those of its branch. */
function configIn(config: GroupConfig, at: GroupState): GroupConfig {
  const { groupId } = at.current.groupContext;
  return {
    ...config,
    psk: (id) => {
      const isOwn =
        !isCustomPsk(id) && id.pskType === PSKType.resumption && equalBytes(id.pskGroupId, groupId);
      return isOwn ? resumptionPskOf(at, id.pskEpoch) : config.psk(id);
    },
  };
}

/** Where a branch leaves: an epoch of the present line, by its number, or a commit that is staged. */
export type Place = bigint | Uint8Array;

/** @throws MlsError `future-epoch`, `forgotten` for an epoch that isn't kept; `missing` for a commit, `removed` if it removes this client */
function needPlace(state: GroupState, place: Place): KeptEpoch {
  const { line, all } = treeOf(state);
  if (typeof place !== "bigint") {
    const found = findKept(all, place);
    if (found.epoch !== undefined) return found;
    throw new MlsError("removed", "this commit removes this client: it has no secrets of the next epoch");
  }
  const found = line.find(({ epoch }) => epoch?.groupContext.epoch === place);
  if (found !== undefined) return found;
  const { epoch: now } = state.current.groupContext;
  if (place > now)
    throw new MlsError("future-epoch", `expected an epoch up to ${now}, got ${place}`, { epoch: place });
  throw new MlsError("forgotten", `epoch ${place} isn't kept: policy.rewind says how many are`, {
    epoch: place,
  });
}

/** What keeps epochs. Also a client that was removed may take another branch. @throws MlsError `usage`, `pending`, `closed` */
export function needRewind(config: GroupConfig, state: GroupState): RewindSteps {
  const steps = rewindOf(config.policy);
  if (steps === undefined)
    throw new MlsError("usage", "no epochs are kept here: set policy.rewind to keepEpochs()");
  if (state.status !== "removed") needMember(state);
  return steps;
}

/**
 * The step by which a commit is staged on a kept epoch, or on another staged commit.
 * @throws as `stageOn`
 */
export async function stageIn(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  place: Place,
): Promise<Staging> {
  const by = needRewind(config, state);
  const { epoch: on, forgotten } = needPlace(state, place);
  const { present, line, all } = treeOf(state);
  const known = all.find((one) => isOf(one, { commit: bytes }));
  if (known?.commit !== undefined) {
    if (line.includes(known)) throw inForce();
    return { state, commit: known.commit };
  }
  if (on === present.epoch) return stageMessage(config, state, bytes);
  const at = await stateIn(config, state, needPlace(state, place));
  const { commit, drop } = await stageMessage(configIn(config, at), { ...at, candidates: [] }, bytes);
  try {
    if (all.some(({ epoch }) => isTwin(epoch, commit.epoch)))
      throw new MlsError("duplicate", "this is a commit that is known already, in another message");
    const { confirmedTranscriptHash } = commit.next.groupContext;
    if (forgotten.some((one) => equalBytes(one, confirmedTranscriptHash)))
      throw new MlsError("duplicate", "this commit was in force, and its branch was left and is forgotten");
    const { others, ...kept } = keptIn(state);
    const next = { ...state, kept: { ...kept, by, others: withStaged(state, others, at.current, commit) } };
    return { ...stepTo(state, next), commit, drop };
  } catch (error) {
    drop?.();
    throw error;
  }
}

/** What a message of a branch can be: its commits are staged. */
export type PeekedMessage = Exclude<Received, CommitMessage>;

/** A place, and the state there, for a message that isn't a commit. @throws MlsError `usage` for a commit */
async function placeFor(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  place: Place,
  only?: ContentType,
): Promise<{ readonly one: KeptEpoch; readonly at: GroupState }> {
  needRewind(config, state);
  const one = needPlace(state, place);
  const at = one.epoch === state.current ? state : await stateIn(config, state, one);
  checkReceived(config, at.current, bytes);
  const message = decode(MlsMessage, bytes, config.registry.proposalTypes);
  const type =
    message.wireFormat === WireFormat.privateMessage
      ? message.privateMessage.contentType
      : message.wireFormat === WireFormat.publicMessage && message.publicMessage.content.content.contentType;
  if (type === ContentType.commit) throw new MlsError("usage", "expected no commit: stageOn() takes those");
  if (only !== undefined && type !== only)
    throw new MlsError("usage", "expected a proposal: peek() reads others");
  return { one, at };
}

/** A message of a branch, as if that were the present one. Nothing changes. @throws as `peek` */
export async function peekIn(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  commit: Uint8Array,
): Promise<PeekedMessage> {
  const { at } = await placeFor(config, state, bytes, commit);
  const { received, drop } = await receiveMessage(configIn(config, at), at, bytes);
  drop?.();
  return received as PeekedMessage;
}

/** The step by which a proposal is kept for the commits of its epoch. @throws as `stageProposal` */
export async function proposalIn(
  config: GroupConfig,
  state: GroupState,
  bytes: Bytes,
  place: Place,
): Promise<Reception> {
  const { one, at } = await placeFor(config, state, bytes, place, ContentType.proposal);
  const reception = await receiveMessage(configIn(config, at), at, bytes);
  if (at === state) return reception;
  const { received, drop } = reception;
  drop?.();
  const { others, ...kept } = keptIn(state);
  const by = needRewind(config, state);
  const changed = { ...one, proposals: reception.state.proposals };
  const isHere = ({ epoch }: KeptEpoch) => epoch === one.epoch;
  const next = others.some(isHere)
    ? others.map((other) => (isHere(other) ? changed : other))
    : [...others, changed];
  return { state: { ...state, kept: { ...kept, by, others: next } }, received };
}
