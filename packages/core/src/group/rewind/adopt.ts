// RFC 9420 §12.4, §14: taking another commit than the one that is in force.
import { MlsError } from "../../errors.js";
import type { PeekedKey } from "../../schedule/index.js";
import type { Candidate } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import type { Member } from "../member.js";
import { type CommitMessage, isActive, keyOf, type Reception, reportCommit } from "../messages/index.js";
import { secondsNow, uint64Of } from "../policy.js";
import { type GroupState, type KeptEpoch, stateOutside, stepTo } from "../state.js";
import { needRewind, stateIn } from "./branch.js";
import { findKept, inForce, lineOf, pruned, treeOf, withoutTwins } from "./kept.js";
import { type LeftEpoch, leftEpoch } from "./report.js";
import { withoutSecrets } from "./steps.js";
import { undoneRemovals } from "./undone.js";

/** What {@link adopt} did. */
export interface Adoption {
  /** The present epoch. If the branch removed this client, the one before. */
  readonly epoch: bigint;
  /** Whether this client can send. */
  readonly active: boolean;
  /** The commits that came into force, in their order. */
  readonly entered: readonly CommitMessage[];
  /** The epochs that were left, in their order: none if the commit was staged in the present epoch. */
  readonly left: readonly LeftEpoch[];
}

/**
 * The branch that would be left has removed members whom the other one has: {@link adopt} needs `undoRemovals`. Its code is
 * `forbidden`.
 */
export class RemovalsUndone extends MlsError {
  override name = "RemovalsUndone";
  /** Who would be a member again. */
  readonly members: readonly Member[];

  constructor(members: readonly Member[]) {
    const leaves = members.map(({ leafIndex }) => leafIndex).join(", ");
    super(
      "forbidden",
      `the branch that would be left has removed members who would come back, at leaf ${leaves}: pass undoRemovals if they may`,
    );
    this.members = members;
  }
}

/** The step to the epoch of another commit. @throws as `adopt` */
export async function adoptCommit(
  config: GroupConfig,
  state: GroupState,
  commit: Uint8Array,
  undoRemovals: boolean,
): Promise<Reception<Adoption>> {
  const by = needRewind(config, state);
  const { policy } = config;
  const { line, all } = treeOf(state);
  const target = findKept(all, commit);
  if (line.includes(target)) throw inForce();
  const isBefore = all.some((one) => one.entered && one.on !== undefined && one.on === target.epoch);
  if (isBefore || target.forgotten.length > 0)
    throw new MlsError("usage", "expected the last commit of a branch: this one was followed by another");
  const way = lineOf(all, target);
  const fork = way.findIndex((one) => line.includes(one));
  const entering = way.slice(0, fork);
  const left = line.slice(0, line.indexOf(way[fork] as KeptEpoch));
  const undone = undoneRemovals(left, entering, way[fork] as KeptEpoch);
  if (undone.length > 0 && !undoRemovals) throw new RemovalsUndone(undone);
  const now = uint64Of(secondsNow(policy));
  const passed = (one: KeptEpoch) => ({ ...one, entered: true, endedAt: one.endedAt ?? now });
  const others = withoutTwins(all, entering)
    .filter((one) => one !== target)
    .map((one) => (way.includes(one) ? passed(one) : one));
  const kept = { by, present: { ...target, entered: true }, others };
  const next = pruned({ ...(await stateAfter(config, state, all, target)), kept }, policy);
  const { consume, discard } = await keysOf(entering);
  const received: Adoption = {
    epoch: next.current.groupContext.epoch,
    active: next.status === "active",
    entered: entering.reverse().map((one) => reported(one)),
    left: left.reverse().map((one) => leftEpoch(one, reported(one))),
  };
  return { ...stepTo(state, next), received, consume, drop: discard };
}

function reported({ commit }: KeptEpoch): CommitMessage {
  const one = commit as Candidate;
  return reportCommit(one, { active: isActive(one) });
}

async function stateAfter(
  config: GroupConfig,
  state: GroupState,
  all: readonly KeptEpoch[],
  target: KeptEpoch,
): Promise<GroupState> {
  if (target.epoch !== undefined) return stateIn(config, state, target);
  const [, before] = lineOf(all, target);
  const outside = stateOutside(await stateIn(config, state, before as KeptEpoch), "removed");
  return { ...outside, current: withoutSecrets(config, outside.current) };
}

/** The keys of commits that nobody has entered: they are consumed with the step, as in any merge. */
async function keysOf(entering: readonly KeptEpoch[]) {
  const keys: PeekedKey[] = [];
  const discard = () => {
    for (const key of keys) key.discard();
  };
  try {
    for (const { commit, on, entered } of entering) {
      const key = entered ? undefined : await keyOf(on as Epoch, commit as Candidate);
      if (key !== undefined) keys.push(key);
    }
  } catch (error) {
    discard();
    throw error;
  }
  const consume = () => {
    for (const key of keys) key.consume();
  };
  return { consume, discard };
}
