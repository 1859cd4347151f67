// RFC 9420 §11, §12: groups, their proposals, commits and Welcomes, as functions over immutable epochs.
export {
  type AuthenticationService,
  type CredentialClaim,
  insecureAcceptAll,
  needAuthentication,
} from "./authentication.js";
export {
  buildExternalCommit,
  prepareCommit,
  type PreparedCommit,
  prepareResumption,
} from "./commit/index.js";
export type { ClientConfig, GroupConfig } from "./config.js";
export { type Epoch, wipeEpoch } from "./epoch.js";
export {
  capabilitiesOf,
  type CredentialDefinition,
  describeLeaf,
  type EpochLedger,
  type EpochSecretDefinition,
  type ExtensionDefinition,
  type ExtensionPlace,
  externalSenders,
  type ExtraCapabilities,
  type GroupView,
  type ListedCapabilities,
  type MlsExtension,
  type ProposalCase,
  type ProposalDefinition,
  type ProposalList,
  type PskDefinition,
  type RandomSource,
  Registry,
  requiredCapabilities,
} from "./extensions/index.js";
export { createEpoch, joinByWelcome, needReinit } from "./join/index.js";
export {
  accessTo,
  checkNextSigners,
  type EpochAccess,
  type MemberContext,
  signerIn,
} from "./member-context.js";
export { type Member, memberOf, type Party } from "./member.js";
export {
  applicationMessage,
  type ApplicationMessage,
  type CommitMessage,
  followFrom,
  followMessage,
  groupInfoMessage,
  type GroupInfoOptions,
  mergePending,
  type OwnMessage,
  proposalMessage,
  type ProposalMessage,
  type PublicGroupState,
  type Received,
  receiveMessage,
} from "./messages/index.js";
export {
  DEFAULT_POLICY,
  newLifetime,
  noPadding,
  padme,
  padToMultiple,
  type Policy,
  policyOf,
  type ProposedAction,
} from "./policy.js";
export {
  type CommitMessages,
  type CommitOptions,
  createExternalProposal,
  type ExternalProposalRequest,
  type NewIdentity,
  ownProposals,
  proposalOf,
  type ProposalRequest,
  type PskChoice,
  requestedProposal,
  type ResumptionOptions,
  type ResumptionUsage,
  withProposal,
} from "./proposals/index.js";
export {
  firstState,
  type GroupState,
  leaveGroup,
  needActive,
  needMember,
  needOpen,
  type PendingCommit,
  resumptionPskOf,
} from "./state.js";
export { loadKeyPackages, loadState, saveKeyPackages, type SavePoint, saveState } from "./storage/index.js";
