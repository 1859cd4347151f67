// RFC 9420 §8, §12: all that a member keeps of a group.
import type { CommittedProposal, SourcedProposal } from "../framing/index.js";
import type { HpkePrivateKey } from "../provider/index.js";
import type { LeafNode, Proposal, ReInit } from "../wire/index.js";
import { type Epoch, wipeEpoch } from "./epoch.js";
import { type PastEpoch, retire, wipePast } from "./past-epoch.js";

/** Whether a group is in use, or why not. */
export type GroupStatus = "active" | "removed" | "reinitialized";

/** A proposal that was sent by itself in the current epoch. */
export interface CachedProposal extends SourcedProposal {
  readonly reference: Uint8Array;
  readonly checked: true;
  /** The new leaf's private key, of an own Update. */
  readonly leafKey?: HpkePrivateKey | undefined;
}

/** A commit that was created and not yet merged. */
export interface PendingCommit {
  /** The encoded MLSMessage that was sent. */
  readonly commit: Uint8Array;
  readonly epoch: Epoch;
  readonly changes: CommitChanges;
  readonly authenticatedData: Uint8Array;
  /** The proposals that it has by value, to be given back if another commit comes first. */
  readonly own: readonly Proposal[];
}

/** What a commit did to the membership. */
export interface CommitChanges {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly { readonly leafIndex: number; readonly leafNode: LeafNode }[];
  readonly reinit: ReInit | undefined;
  readonly custom: readonly CommittedProposal[];
}

/** All that a member keeps of a group. */
export interface GroupState {
  readonly status: GroupStatus;
  readonly current: Epoch;
  /** The latest first. */
  readonly past: readonly PastEpoch[];
  readonly proposals: readonly CachedProposal[];
  readonly pending: PendingCommit | undefined;
  /** What the commit that ended the group's use asks for (§11.2). */
  readonly reinit: ReInit | undefined;
}

/** The state of one who has just created or joined a group. */
export function firstState(current: Epoch): GroupState {
  return { status: "active", current, past: [], proposals: [], pending: undefined, reinit: undefined };
}

/**
 * The state in a new epoch. What the old one leaves behind is overwritten: all of its secrets but those for
 * messages that come late, and another commit that was pending.
 */
export function enterEpoch(
  state: GroupState,
  epoch: Epoch,
  changes: CommitChanges,
  ending: Pick<PastEpoch, "endedBy" | "endedByOwn">,
  maxPastEpochs: number,
): GroupState {
  const past = [retire(state.current, ending.endedBy, ending.endedByOwn), ...state.past];
  for (const old of past.splice(maxPastEpochs)) wipePast(old);
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
