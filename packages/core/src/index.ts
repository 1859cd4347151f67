// Copse: Messaging Layer Security (RFC 9420) with pluggable cryptography.
export type { Bytes } from "./bytes.js";
export * from "./client/index.js";
export { type BlamedProposal, DecodeError, type Rule, ValidationError } from "./errors.js";
export {
  type CommittedProposal,
  readMessage,
  type UnverifiedExtent,
  type UnverifiedGroupInfo,
  type UnverifiedHeader,
  type UnverifiedKeyPackage,
  type UnverifiedMessage,
  type UnverifiedPrivateMessage,
  type UnverifiedPublicMessage,
  type UnverifiedSender,
  type UnverifiedWelcome,
} from "./framing/index.js";
export { externalSenders, type MlsExtension, requiredCapabilities } from "./group/extensions/index.js";
export {
  type AuthenticationService,
  type CredentialClaim,
  commitsByDefault,
  DEFAULT_POLICY,
  type GroupSnapshot,
  type Identity,
  insecureAcceptAll,
  type Member,
  noPadding,
  type Party,
  type Policy,
  type ProposedAction,
  padme,
  padToMultiple,
  type ReceivedProposal,
  type ResumedGroup,
  type Succession,
} from "./group/index.js";
export type {
  ApplicationMessage,
  CommitMessage,
  ListedProposal,
  OwnMessage,
  ProposalMessage,
  Received,
} from "./group/messages/index.js";
export * from "./provider/index.js";
export type { RatchetLimits } from "./schedule/index.js";
export {
  type BasicCredential,
  basicCredential,
  type Capabilities,
  type Certificate,
  type Credential,
  CredentialType,
  type CustomProposal,
  customProposal,
  type Extension,
  ExtensionType,
  type ExternalSender,
  type FramedContent,
  type FramedContentAuthData,
  isBasicCredential,
  isCustomProposal,
  isProposal,
  isX509Credential,
  type Lifetime,
  MlsMessage,
  type OtherCredential,
  type PreSharedKeyID,
  type Proposal,
  ProposalType,
  type PublicMessage,
  type ReInit,
  type RequiredCapabilities,
  type StandardProposal,
  unframe,
  type X509Credential,
  x509Credential,
} from "./wire/index.js";
