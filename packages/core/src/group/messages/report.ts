// RFC 9420 §12.4: what the application is told about a commit or a proposal.
import { toHex } from "../../bytes.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  isCustomProposal,
  type Proposal,
  ProposalType,
  SenderType,
} from "../../wire/index.js";
import type { Epoch } from "../epoch.js";
import type { Registry } from "../extensions/index.js";
import { memberOf, sameCredential } from "../member.js";
import type { CachedProposal, CommitChanges, GroupState } from "../state.js";
import type { CommitMessage, ProposalMessage } from "./message-types.js";

/** What the application is told about a commit, from the tree that it leads to. */
export function reportCommit(
  { groupContext, tree }: Pick<Epoch, "groupContext" | "tree">,
  changes: CommitChanges,
  details: Pick<CommitMessage, "committer" | "active" | "authenticatedData"> & Partial<CommitMessage>,
): CommitMessage {
  const membersAt = (leafIndex: number) => {
    const leafNode = tree.leaf(leafIndex);
    return leafNode === undefined ? [] : [memberOf(leafIndex, leafNode)];
  };
  return {
    kind: "commit",
    epoch: groupContext.epoch,
    added: changes.added.flatMap(membersAt),
    updated: changes.updated.flatMap(membersAt),
    removed: changes.removed.map(({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode)),
    reinit: changes.reinit,
    custom: changes.custom,
    own: false,
    droppedPending: false,
    dropped: [],
    ...details,
  };
}

/**
 * The own proposals that another member's commit doesn't contain and that can still be committed after it. Own
 * Updates are left out: they belong to the epoch that ended, and any commit with a path has the same effect.
 */
export function ownDropped(
  { current, pending, proposals }: GroupState,
  committed: readonly SourcedProposal[],
  after: RatchetTree,
  registry: Registry,
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
    // `commit` can't include by value what commits only include by reference.
    if (isCustomProposal(proposal)) return registry.need(proposal).committedBy !== "reference";
    if (proposal.proposalType === ProposalType.add) {
      return !after.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey);
    }
    if (proposal.proposalType === ProposalType.remove) {
      const [before, now] = [current.tree.leaf(proposal.removed), after.leaf(proposal.removed)];
      return before !== undefined && now !== undefined && sameCredential(before, now);
    }
    return true;
  });
}

/** What the application is told about a proposal. */
export function reportProposal(
  { groupContext }: Pick<Epoch, "groupContext">,
  { content }: AuthenticatedContent,
  { proposal, sender, reference }: CachedProposal,
): ProposalMessage {
  const { authenticatedData } = content;
  return { kind: "proposal", epoch: groupContext.epoch, sender, proposal, reference, authenticatedData };
}
