// RFC 9420 §13: what extensions of the protocol are written with. For their authors, not for applications.
export { concat, EMPTY, equalBytes, toHex, utf8, wipe } from "./bytes.js";
export type { EpochAccess, Group } from "./client/index.js";
export * from "./codec/index.js";
export {
  decryptWithLabel,
  deriveSecret,
  encryptWithLabel,
  expandWithLabel,
  type Label,
  signWithLabel,
  verifyWithLabel,
} from "./crypto/labelled.js";
export { DecodeError, ensure, MlsError, type Rule, ValidationError } from "./errors.js";
export {
  type CustomProposal,
  customProposal,
  isCustomProposal,
  type Proposal,
  ProposalType,
  type Sender,
  SenderType,
} from "./framing/index.js";
export {
  type CommittedProposal,
  type CredentialDefinition,
  type EpochLedger,
  type EpochSecretDefinition,
  type ExtensionDefinition,
  type ExtensionPlace,
  type GroupView,
  type ListedCapabilities,
  type MlsExtension,
  type ProposalCase,
  type ProposalDefinition,
  type ProposalList,
  type PskDefinition,
  type RandomSource,
  RequiredCapabilities,
  type SourcedProposal,
} from "./group/index.js";
export type { KeyPackage } from "./key-package/index.js";
export * from "./provider/index.js";
export { type CustomPsk, customPsk, GroupContext } from "./schedule/index.js";
export { Credential, Extension, ExtensionType, findExtension, LeafNode } from "./tree/index.js";
