// Copse: Messaging Layer Security (RFC 9420) with pluggable cryptography.
export * from "./client/index.js";
export { type BlamedProposal, DecodeError, type Rule, ValidationError } from "./errors.js";
export {
  type CustomProposal,
  customProposal,
  isCustomProposal,
  type Proposal,
  ProposalType,
} from "./framing/index.js";
export {
  type ApplicationMessage,
  type AuthenticationService,
  type CommitMessage,
  type CommittedProposal,
  type CredentialClaim,
  DEFAULT_POLICY,
  type ExternalSender,
  externalSenders,
  insecureAcceptAll,
  type Member,
  type MlsExtension,
  MlsMessage,
  noPadding,
  type OwnMessage,
  type Party,
  type Policy,
  type ProposalMessage,
  type ProposedAction,
  padme,
  padToMultiple,
  type Received,
  type RequiredCapabilities,
  requiredCapabilities,
} from "./group/index.js";
export * from "./provider/index.js";
export {
  basicCredential,
  type Credential,
  CredentialType,
  type Extension,
  ExtensionType,
  isBasicCredential,
  isX509Credential,
  x509Credential,
} from "./tree/index.js";
