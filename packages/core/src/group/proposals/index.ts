// RFC 9420 §12.1 to §12.3: making, validating and applying proposals.
export { type AddedMember, type Applied, changesOf } from "./apply.js";
export { createExternalProposal } from "./external.js";
export { filterProposals } from "./filter.js";
export { selectProposals } from "./list.js";
export type {
  CommitMessages,
  CommitOptions,
  ExternalProposalRequest,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  ResumptionOptions,
} from "./options.js";
export { ownDescription, ownProposals, proposalOf, pskIdOf, requestedProposal } from "./requests.js";
export { checkGroup, checkOwnSupport } from "./result.js";
export { senderLeaf, verifySender } from "./sender.js";
export { checkReplacement, leafRules, type ResumptionUsage } from "./single-proposal.js";
export { cacheProposal, checkMaySend, proposalFormat, withProposal } from "./standalone.js";
export { checkResult, validateProposals } from "./validate.js";
