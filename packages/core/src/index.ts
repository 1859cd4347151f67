// Copse: Messaging Layer Security (RFC 9420) with pluggable cryptography.
export * from "./client/index.js";
export { type BlamedProposal, DecodeError, type Rule, ValidationError } from "./errors.js";
export type { CommittedProposal } from "./framing/index.js";
export {
  type ApplicationMessage,
  type AuthenticationService,
  type CommitMessage,
  type CredentialClaim,
  DEFAULT_POLICY,
  externalSenders,
  insecureAcceptAll,
  type Member,
  type MlsExtension,
  noPadding,
  type OwnMessage,
  padme,
  padToMultiple,
  type Party,
  type Policy,
  type ProposalMessage,
  type ProposedAction,
  type Received,
  requiredCapabilities,
} from "./group/index.js";
export {
  basicCredential,
  type Credential,
  CredentialType,
  type CustomProposal,
  customProposal,
  type Extension,
  ExtensionType,
  type ExternalSender,
  isBasicCredential,
  isCustomProposal,
  isProposal,
  isX509Credential,
  MlsMessage,
  type Proposal,
  ProposalType,
  type RequiredCapabilities,
  x509Credential,
} from "./wire/index.js";
export * from "./provider/index.js";
