// RFC 9420 §12.1 to §12.3: making, validating and applying proposals.
export { type AddedMember, type Applied, changesOf } from "./apply.js";
export { authorizeCommit } from "./authorize.js";
export {
  hasProposals,
  type ProposalChoice,
  proposalFinder,
  proposalsToCommit,
  type WaitingProposal,
  waitingProposals,
  withoutProposals,
  withProposal,
} from "./cache.js";
export { filterProposals } from "./filter.js";
export { type ExpectedKeyPackage, type KeyPackageToAdd, keyPackageOf } from "./key-package-to-add.js";
export { type Replacement, replacedLeaf, type Selection, selectProposals } from "./list.js";
export {
  type CommitOptions,
  type ExtensionChange,
  type ExtensionChanges,
  type ExternalProposalRequest,
  type GroupInfoOptions,
  type MembersToRemove,
  type NewIdentity,
  ownDescription,
  ownProposals,
  type ProposalRequest,
  type PskChoice,
  pskIdOf,
  type ResumptionOptions,
  requestedProposal,
} from "./requests.js";
export { checkGroup, checkOwnLeaf, checkOwnSupport } from "./result.js";
export { fairly, keepsToShare } from "./room.js";
export { partyOf, senderLeaf, verifySender } from "./sender.js";
export { checkSharedPsks, withSharedPsks } from "./shared-psks.js";
export {
  checkKeyPackageAlone,
  checkReplacement,
  leafRules,
  type ResumptionUsage,
} from "./single-proposal.js";
export {
  cacheProposal,
  checkMaySend,
  type ExternalSenderContext,
  externalSenderProposal,
  newMemberProposal,
  proposalFormat,
} from "./standalone.js";
export { checkResult, validateProposals } from "./validate.js";
