// RFC 9420 §12.1 to §12.3: proposals, from the request to their effect on the group.
export {
  type AddedMember,
  type Applied,
  applyProposals,
  changesOf,
  checkOwnSupport,
  checkResult,
  extensionsAfter,
} from "./apply.js";
export { checkAuthorized, checkMessageSize, checkSize } from "./authorize.js";
export { checkCustomList } from "./custom.js";
export { createExternalProposal } from "./external.js";
export { blameOne, filterProposals } from "./filter.js";
export { checkExternalList, checkRegularList, selectProposals } from "./list.js";
export type {
  CommitMessages,
  CommitOptions,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  ResumptionOptions,
} from "./options.js";
export { ownDescription, ownProposals, requestedProposal } from "./requests.js";
export { senderLeaf, signatureKeyOf } from "./sender.js";
export { cacheProposal, checkProposable, proposalFormat, withProposal } from "./standalone.js";
export {
  authenticate,
  checkProposals,
  checkReplacement,
  leafRules,
  type ResumptionUsage,
} from "./validate.js";
