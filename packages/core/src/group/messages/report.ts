// RFC 9420 §12.4, §8, §9.2: from one state of a group to the next, and what is overwritten on the way.
import { equalBytes, toHex } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  Credential,
  isCustomProposal,
  type LeafNode,
  type Proposal,
  ProposalType,
  SenderType,
} from "../../wire/index.js";
import type { Epoch } from "../epoch.js";
import type { Registry } from "../extensions/index.js";
import { memberOf } from "../member.js";
import type { CachedProposal, CommitChanges, GroupState } from "../state.js";
import type { CommitMessage, ProposalMessage } from "./message-types.js";

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

/** What is told of a proposal. */
export function reportProposal(
  { groupContext }: Pick<Epoch, "groupContext">,
  { content }: AuthenticatedContent,
  { proposal, sender, reference }: CachedProposal,
): ProposalMessage {
  const { authenticatedData } = content;
  return { kind: "proposal", epoch: groupContext.epoch, sender, proposal, reference, authenticatedData };
}
