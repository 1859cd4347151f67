// RFC 9420 §12.4, §8, §9.2: from one state of a group to the next, and what is overwritten on the way.
import { equalBytes, toHex } from "../bytes.js";
import { encode } from "../codec/index.js";
import { isCustomProposal, type Proposal, ProposalType, SenderType } from "../framing/index.js";
import { Credential, type LeafNode, type RatchetTree } from "../tree/index.js";
import type { Applied } from "./apply.js";
import { type Epoch, wipeEpoch } from "./epoch.js";
import type { CommitChanges, GroupState } from "./group-state.js";
import { type PastEpoch, retire, wipePast } from "./past.js";
import type { SourcedProposal } from "./proposal-validation.js";
import { type CommitMessage, memberOf } from "./received.js";
import { NO_EXTENSIONS, type Registry } from "./registry.js";

export function changesOf(applied: Applied): CommitChanges {
  return {
    added: applied.added.map(({ leafIndex }) => leafIndex),
    updated: applied.updated.map(({ leafIndex }) => leafIndex),
    removed: applied.removed,
    reinit: applied.reinit,
    custom: applied.custom,
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

/** What is told of a commit, in the tree that it gives. */
export function reportCommit(
  { groupContext, tree }: Pick<Epoch, "groupContext" | "tree">,
  changes: CommitChanges,
  how: Pick<
    CommitMessage,
    "committer" | "own" | "active" | "droppedPending" | "dropped" | "authenticatedData"
  >,
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
    custom: changes.custom,
    ...how,
  };
}

/**
 * The own proposals that are lost by another's commit and still make sense after it. An own Update isn't among
 * them: its key is of no use in the next epoch, and any commit with a path does the same.
 */
export function ownDropped(
  { current, pending, proposals }: GroupState,
  committed: readonly SourcedProposal[],
  after: RatchetTree,
  registry: Registry = NO_EXTENSIONS,
): Proposal[] {
  const covered = new Set(committed.map(({ reference }) => reference && toHex(reference)));
  const own = proposals.filter(
    ({ sender, reference }) =>
      sender.senderType === SenderType.member &&
      sender.leafIndex === current.keys.leafIndex &&
      !covered.has(toHex(reference)),
  );
  return [...(pending?.own ?? []), ...own.map(({ proposal }) => proposal)].filter((proposal) => {
    if (proposal.proposalType === ProposalType.update) return false;
    // What can only be sent by itself can't be given to a commit.
    if (isCustomProposal(proposal)) return registry.need(proposal).committedBy !== "reference";
    if (proposal.proposalType === ProposalType.add) {
      return !after.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey);
    }
    if (proposal.proposalType === ProposalType.remove) {
      const [was, is] = [current.tree.leaf(proposal.removed), after.leaf(proposal.removed)];
      return was !== undefined && is !== undefined && sameMember(was, is);
    }
    return true;
  });
}

/** Whether a leaf still stands for the member that it did: after an update, by its credential. */
function sameMember(a: LeafNode, b: LeafNode): boolean {
  return a === b || equalBytes(encode(Credential, a.credential), encode(Credential, b.credential));
}
