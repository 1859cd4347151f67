// RFC 9420 §12.4, §8, §9.2: from one state of a group to the next, and what is overwritten on the way.
import type { Applied } from "./apply.js";
import { type Epoch, wipeEpoch } from "./epoch.js";
import { retire, wipePast } from "./past.js";
import { type CommitMessage, memberOf } from "./received.js";
import type { CommitChanges, GroupState } from "./state.js";

export function changesOf(applied: Applied): CommitChanges {
  return {
    added: applied.added.map(({ leafIndex }) => leafIndex),
    updated: applied.updated.map(({ leafIndex }) => leafIndex),
    removed: applied.removed,
    reinit: applied.reinit,
  };
}

/**
 * The state in a new epoch. What the old one leaves behind is overwritten: all of its secrets but those for
 * messages that come late, and another commit that was pending.
 */
export function enterEpoch(
  state: GroupState,
  epoch: Epoch,
  changes: CommitChanges,
  options: { readonly ownCommit: Uint8Array | undefined; readonly maxPastEpochs: number },
): GroupState {
  const past = [retire(state.current, options.ownCommit), ...state.past];
  for (const old of past.splice(options.maxPastEpochs)) wipePast(old);
  if (state.pending !== undefined && state.pending.epoch !== epoch) wipeEpoch(state.pending.epoch);
  return {
    status: changes.reinit === undefined ? "active" : "reinitialized",
    current: epoch,
    past,
    proposals: [],
    pending: undefined,
    reinit: changes.reinit,
  };
}

/** The state of one who was removed: the last epoch, without its secrets. */
export function leaveGroup(state: GroupState): GroupState {
  for (const old of state.past) wipePast(old);
  wipeEpoch(state.current);
  if (state.pending !== undefined) wipeEpoch(state.pending.epoch);
  return {
    status: "removed",
    current: state.current,
    past: [],
    proposals: [],
    pending: undefined,
    reinit: undefined,
  };
}

/** What is told of a commit, in the tree that it gives. */
export function reportCommit(
  { groupContext, tree }: Pick<Epoch, "groupContext" | "tree">,
  changes: CommitChanges,
  how: Pick<CommitMessage, "committer" | "own" | "active" | "droppedPending" | "authenticatedData">,
): CommitMessage {
  const at = (leafIndex: number) => {
    const leafNode = tree.leaf(leafIndex);
    return leafNode === undefined ? [] : [memberOf(leafIndex, leafNode)];
  };
  return {
    kind: "commit",
    epoch: groupContext.epoch,
    added: changes.added.flatMap(at),
    updated: changes.updated.flatMap(at),
    removed: changes.removed.map(({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode)),
    reinit: changes.reinit,
    ...how,
  };
}
