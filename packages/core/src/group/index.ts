// RFC 9420 §11, §12: groups, their proposals, commits and Welcomes, as functions over immutable epochs.
export { type CommitSource, createExternalCommit, prepareCommit } from "./commit/index.js";
export {
  type AuthenticationService,
  type CredentialClaim,
  insecureAcceptAll,
  type Party,
  type Policy,
  type ProposedAction,
  registryOf,
  secondsNow,
  type Setting,
} from "./config.js";
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
export { createEpoch, joinByWelcome, successionPskId } from "./join/index.js";
export {
  accessTo,
  type EpochAccess,
  type GroupHost,
  needSigner,
  signerIn,
  type Standpoint,
} from "./member-context.js";
export { type Member, memberOf } from "./member.js";
export {
  applicationMessage,
  type ApplicationMessage,
  type CommitMessage,
  groupInfoMessage,
  type GroupInfoOptions,
  observe,
  type ObservedState,
  observeFrom,
  type OwnMessage,
  proposalMessage,
  type ProposalMessage,
  type Received,
  receiveMessage,
  reportCommit,
} from "./messages/index.js";
export { DEFAULT_POLICY, noPadding, padme, padToMultiple } from "./policy.js";
export {
  type CommitMessages,
  type CommitOptions,
  createExternalProposal,
  type NewIdentity,
  ownProposals,
  type ProposalRequest,
  type PskChoice,
  requestedProposal,
  type SuccessionOptions,
  type SuccessionUsage,
  withProposal,
} from "./proposals/index.js";
export { enterEpoch, firstState, type GroupState, leaveGroup } from "./state.js";
export {
  loadKeyPackages,
  loadState,
  saveKeyPackages,
  type SavePoint,
  savePoint,
  saveState,
} from "./storage/index.js";
