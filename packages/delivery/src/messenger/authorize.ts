// RFC 9420 §12.1.5, §12.2, §12.4.3.2: what holds in a group without `policy.authorize`: rules of the group alone, so that all members come to
// the same answer.
import {
  authorizeByDefault,
  type CommitAction,
  equalBytes,
  type Member,
  type Policy,
  type ProposalAction,
  ProposalType,
} from "@copse/core";

/**
 * What holds without `policy.authorize`.
 *
 * Nobody joins by an external commit who isn't a member: it must take the place of the client's former leaf. So who was removed comes
 * back only if a member adds it, whoever knows of the removal.
 *
 * A client keeps its signature key: a member is known by it. Who could change it would not be the one who is to be removed, or would
 * be somebody who was removed before.
 *
 * Nobody ends the group by a ReInit: a conversation goes on in no other group.
 */
export const authorizeMembers: NonNullable<Policy["authorize"]> = (action) => {
  if (action.kind === "commit") return keepsKeys(action) && !endsGroup(action) && authorizeByDefault(action);
  return givesAnotherKey(action) ? "ignore" : authorizeByDefault(action);
};

/** Whether a member proposes another signature key for itself. */
const givesAnotherKey = ({ proposal, proposer }: Pick<ProposalAction, "proposal" | "proposer">): boolean =>
  "leafNode" in proposal &&
  proposer.kind === "member" &&
  !equalBytes(proposer.member.signatureKey, proposal.leafNode.signatureKey);

const endsGroup = ({ proposals }: CommitAction): boolean =>
  proposals.some(({ proposal }) => proposal.proposalType === ProposalType.reinit);

function keepsKeys({ committer, leafIndex, proposals, before, after }: CommitAction): boolean {
  const now = after.member(leafIndex)?.signatureKey;
  const isKeyOf = (member: Member | undefined) =>
    member !== undefined && now !== undefined && equalBytes(member.signatureKey, now);
  // Who joins takes the place of whom it removes.
  const isSame =
    committer.kind === "member"
      ? isKeyOf(committer.member)
      : proposals.some(({ proposal }) => "removed" in proposal && isKeyOf(before.member(proposal.removed)));
  return isSame && !proposals.some(givesAnotherKey);
}
