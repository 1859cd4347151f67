// RFC 9420 §11, §12: groups, their proposals, commits and Welcomes, as functions over immutable epochs.
export {
  type AuthenticationService,
  type CredentialClaim,
  type Identity,
  insecureAcceptAll,
  needAuthentication,
  type Succession,
} from "./authentication.js";
export {
  type Authorization,
  authorizeByDefault,
  type CommitAction,
  type ProposalAction,
  type ProposalInCommit,
  type ProposedAction,
} from "./authorization.js";
export {
  type Candidate,
  discardedAmong,
  findCandidate,
  leastExpected,
  ownCandidates,
  type PublicCandidate,
} from "./candidate.js";
export {
  type AsyncContext,
  type ClientConfig,
  checkSavedSigner,
  type GroupConfig,
  needSigner,
} from "./config.js";
export { digestOf } from "./digest.js";
export { type Epoch, epochContext, type PublicEpoch, wipeEpoch } from "./epoch.js";
export { exporterSecretOf, exportFrom } from "./exporter.js";
export { guardHooks, guardMember } from "./hooks.js";
export { type Member, memberOf, membersOf, type Party, sameCredential, sameIdentity } from "./member.js";
export { noPadding, padme, padToMultiple } from "./padding.js";
export {
  DEFAULT_POLICY,
  isOver,
  newLifetime,
  POLICY,
  type Policy,
  policyOf,
  type Rewind,
  secondsNow,
} from "./policy.js";
export type { GroupSnapshot } from "./snapshot.js";
export {
  accessTo,
  type CachedProposal,
  checkSavedSigners,
  checkSigners,
  closeGroup,
  type EpochAccess,
  enterJoined,
  epochsIn,
  firstState,
  forgetOld,
  type GroupState,
  type GroupStatus,
  isJoinDiscarded,
  joiningState,
  keptAs,
  type MemberContext,
  needActive,
  needMember,
  needOpen,
  ownLeaf,
  privateKeysIn,
  privateKeysOf,
  type ResumedGroup,
  resumptionPskOf,
  signerIn,
  stageCandidate,
  stepTo,
  type Transition,
  wipeState,
} from "./state.js";
