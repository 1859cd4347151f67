// RFC 9420 §9.2, §14: the epochs that are kept for second thoughts, as a tree: each has the epoch that its commit ended.
import { type Bytes, equalBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { type Candidate, MAX_CANDIDATES } from "../candidate.js";
import { contextBytes, type Epoch } from "../epoch.js";
import { type Policy, secondsNow, uint64Of } from "../policy.js";
import type { GroupState, Kept, KeptEpoch } from "../state.js";

/** How many epochs are kept besides the present one, of all branches together. */
export const MAX_KEPT = 64;

/** How many commits are remembered that were entered, left and forgotten, of all epochs together. */
const MAX_FORGOTTEN = 1000;

/** A staged commit that nobody has entered. */
export function stagedOn(on: Epoch, commit: Candidate): KeptEpoch {
  return {
    commit,
    epoch: commit.epoch,
    on,
    proposals: [],
    entered: false,
    staged: false,
    endedAt: undefined,
    forgotten: [],
  };
}

/** What a state keeps, of the present epoch too. */
export function keptIn({ kept, current }: GroupState): Pick<Kept, "present" | "others"> {
  if (kept !== undefined) return kept;
  const started = { commit: undefined, on: undefined, endedAt: undefined, forgotten: [] };
  return { present: { ...started, epoch: current, proposals: [], entered: true, staged: false }, others: [] };
}

/** Everything that a state keeps: the present epoch first, and the commits that are staged in it. */
export interface KeptTree {
  readonly present: KeptEpoch;
  readonly all: readonly KeptEpoch[];
  /** The present one and those before it, the latest first. */
  readonly line: readonly KeptEpoch[];
}

export function treeOf(state: GroupState): KeptTree {
  const { present: before, others } = keptIn(state);
  const present = {
    ...before,
    proposals: state.proposals,
    staged: before.staged || state.candidates.length > 0,
  };
  const known = new Set(others.map(({ commit }) => commit?.commit));
  const staged = state.candidates
    .filter(({ commit }) => !known.has(commit))
    .map((one) => stagedOn(state.current, one));
  const all = [present, ...others, ...staged];
  return { present, all, line: lineOf(all, present) };
}

/**
 * Whether an epoch is that of a commit, by the message. A commit has one array with it wherever a state has it: what is asked for
 * by each operation compares those, because messages are large, and their beginnings can be equal.
 */
export function isOf({ commit }: KeptEpoch, { commit: bytes }: Pick<Candidate, "commit">): boolean {
  return commit !== undefined && equalBytes(commit.commit, bytes);
}

/** The epoch and those before it, as far as they are kept: the latest first. */
export function lineOf(all: readonly KeptEpoch[], from: KeptEpoch): KeptEpoch[] {
  const line: KeptEpoch[] = [];
  let one: KeptEpoch | undefined = from;
  // In a saved state that was made by somebody else, they could go in a circle.
  for (; one !== undefined && !line.includes(one); one = parentOf(all, one)) line.push(one);
  return line;
}

function parentOf(all: readonly KeptEpoch[], { on }: KeptEpoch): KeptEpoch | undefined {
  return on && all.find(({ epoch }) => epoch === on);
}

/**
 * Whether a commit starts an epoch that another one starts, too: it is the same one, sent again in another message. Its keys
 * are those of that epoch, and some may have been used.
 */
export function isTwin(a: KeptEpoch["epoch"], b: KeptEpoch["epoch"]): boolean {
  return a !== undefined && b !== undefined && a !== b && equalBytes(contextBytes(a), contextBytes(b));
}

/** Without the twins of those that were entered. */
export function withoutTwins(all: readonly KeptEpoch[], entered: readonly KeptEpoch[]): KeptEpoch[] {
  return all.filter((one) => one.entered || !entered.some(({ epoch }) => isTwin(epoch, one.epoch)));
}

/** @throws MlsError `missing` */
export function findKept(all: readonly KeptEpoch[], commit: Uint8Array): KeptEpoch {
  const found = all.find((one) => isOf(one, { commit: commit as Candidate["commit"] }));
  if (found !== undefined) return found;
  throw new MlsError("missing", "this commit isn't staged any more, nor is it in a kept epoch");
}

export const inForce = () => new MlsError("duplicate", "this commit is in force already");

/**
 * What is kept, and one more commit. If there is no room, the oldest one makes it that can be staged again from its message, or
 * an own one that was discarded: these have half of the room at most. Otherwise a branch that was left makes it, for good.
 * @throws MlsError `limit` if there is none
 */
export function withStaged(
  { current, kept }: GroupState,
  others: readonly KeptEpoch[],
  on: Epoch,
  commit: Candidate,
): KeptEpoch[] {
  const line = kept === undefined ? [] : lineOf([kept.present, ...others], kept.present);
  const needed = [...line.map(({ epoch }) => epoch), on];
  for (let rest = others; ; ) {
    const here = rest.filter((one) => one.on === on);
    const [room, most] = here.length < MAX_CANDIDATES ? [rest, MAX_KEPT] : [here, MAX_CANDIDATES];
    if (room.length < most) return [...rest, stagedOn(on, commit)];
    // What is staged in the present epoch isn't kept for second thoughts.
    const free = room.filter((one) => one.epoch !== on && one.on !== current && isForgettable(rest, one));
    const received = free.find(isReceived);
    const own = free.filter(isGivenUp);
    const oldest = own.length > most / 2 ? own[0] : (received ?? own[0]);
    const less =
      oldest === undefined ? withoutLeft(rest, room, needed) : rest.filter((one) => one !== oldest);
    if (less === undefined)
      throw new MlsError(
        "limit",
        `expected at most ${most} kept epochs and staged commits: call settle() first`,
      );
    rest = less;
  }
}

const isAt =
  (on: Epoch | undefined) =>
  ({ epoch }: KeptEpoch): boolean =>
    on !== undefined && epoch === on;

/**
 * The same without the oldest branch that this client has entered and left: the epoch before it remembers that. One of a single
 * commit, if there is one.
 * @param room where it is looked for
 * @param needed epochs that must stay
 */
function withoutLeft(
  others: readonly KeptEpoch[],
  room: readonly KeptEpoch[],
  needed: readonly (Epoch | undefined)[],
): KeptEpoch[] | undefined {
  const remembered = others.reduce((sum, { forgotten }) => sum + forgotten.length, 0);
  if (remembered >= MAX_FORGOTTEN) return undefined;
  const isFree = (one: KeptEpoch) =>
    !(one.epoch !== undefined && needed.includes(one.epoch)) &&
    (one.entered || one.commit?.own === false || isGivenUp(one));
  const branches = room
    .filter(({ entered, on, commit }) => entered && commit !== undefined && others.some(isAt(on)))
    .map((one) => [one, ...others.filter((other) => other !== one && lineOf(others, other).includes(one))])
    .filter((branch) => branch.every(isFree))
    // The one that was left last is the first of all.
    .reverse();
  const branch = branches.find(({ length }) => length === 1) ?? branches[0];
  const [first] = branch ?? [];
  if (branch === undefined || first === undefined) return undefined;
  const mark = (first.commit as Candidate).next.groupContext.confirmedTranscriptHash;
  return others
    .filter((one) => !branch.includes(one))
    .map((one) => (isAt(first.on)(one) ? { ...one, forgotten: [...one.forgotten, mark] } : one));
}

const isReceived = ({ commit }: KeptEpoch) => commit?.own === false;
const isGivenUp = ({ commit }: KeptEpoch) => commit?.own === true && commit.discarded;

/** Whether this client wasn't in it, and nobody builds on it. An own one can't be staged again from its message. */
function isForgettable(all: readonly KeptEpoch[], { commit, epoch, entered }: KeptEpoch): boolean {
  if (commit === undefined || entered) return false;
  return epoch === undefined || !all.some((one) => one.on === epoch);
}

/**
 * The state with what is kept of these epochs: the present one, as many before it and for as long as the policy says, and
 * the branches that leave it there.
 * @param settled the first epoch that isn't left any more. Default: none
 */
export function pruned(state: GroupState, policy: Policy, settled = 0n): GroupState {
  const { kept } = state;
  if (kept === undefined) return state;
  const { present, others } = kept;
  const seconds = secondsNow(policy);
  const { epochs, age } = policy.rewind ?? { epochs: 0, age: 0 };
  const [now, oldest] = [uint64Of(seconds), seconds - age];
  const before = lineOf([present, ...others], present).slice(1);
  const isOver = ({ epoch, endedAt = now }: KeptEpoch, i: number) =>
    i >= epochs || Number(endedAt) < oldest || (epoch as Epoch).groupContext.epoch < settled;
  const end = before.findIndex(isOver);
  const line = end < 0 ? before : before.slice(0, end);
  const reached = new Set<Epoch | undefined>(line.map(({ epoch }) => epoch));
  const staged = new Set<Bytes | undefined>(state.candidates.map(({ commit }) => commit));
  const isStaged = ({ commit }: KeptEpoch) => commit !== undefined && staged.has(commit.commit);
  for (const { epoch } of state.candidates) reached.add(epoch);
  // Each epoch comes after the one that it follows, or is found in the next round.
  const isKept = (one: KeptEpoch): boolean =>
    line.includes(one) ||
    (one.on !== undefined && one.on === present.epoch
      ? isStaged(one)
      : one.on !== undefined && reached.has(one.on));
  for (let size = -1; size !== reached.size; ) {
    size = reached.size;
    for (const one of others) if (one.epoch !== undefined && isKept(one)) reached.add(one.epoch);
  }
  let left = others.filter(isKept);
  while (left.length > MAX_KEPT) {
    const free = left.filter((one) => isForgettable(left, one) && !isStaged(one));
    const surplus = free.find(isReceived) ?? free.find(isGivenUp) ?? free[0];
    const needed = [present, ...line].map(({ epoch }) => epoch);
    const less =
      surplus === undefined ? withoutLeft(left, left, needed) : left.filter((one) => one !== surplus);
    if (less === undefined) break;
    left = less;
  }
  if (left.length === 0 && !present.staged) return { ...state, kept: undefined };
  // A clock that ran ahead when an epoch ended doesn't keep it for longer.
  const isEarly = ({ endedAt }: KeptEpoch) => endedAt !== undefined && endedAt > now;
  const next = left.map((one) => (isEarly(one) ? { ...one, endedAt: now } : one));
  const isSame = next.length === others.length && next.every((one, i) => one === others[i]);
  return isSame ? state : { ...state, kept: { ...kept, others: next } };
}
