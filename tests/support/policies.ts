// RFC 9420 §12.2: answers to `policy.authorize` that several tests use.
import type { Proposal, ProposalInCommit, ProposedAction } from "@copse/core";

/** Everything is authorized, and own commits include all that they can. */
export const keepAll = ({ kind }: ProposedAction): true | "keep" => kind === "commit" || "keep";

/** The proposals of a commit, or the one that comes by itself. */
export const proposalsIn = (action: ProposedAction): readonly Omit<ProposalInCommit, "reference">[] =>
  action.kind === "commit" ? action.proposals : [action];

/** A rule for each proposal, in a commit or by itself. */
export const eachProposal =
  (rule: (proposal: Proposal, action: ProposedAction) => boolean) => (action: ProposedAction) =>
    proposalsIn(action).every(({ proposal }) => rule(proposal, action));
