// RFC 9420 §13: the interface for authors of extensions of the protocol. Applications don't need it.
export {
  type ByteArray,
  type Bytes,
  concat,
  copied,
  EMPTY,
  equalBytes,
  type Owned,
  toHex,
  utf8,
  wipe,
} from "./bytes.js";
export type { Group, OperationOptions } from "./client/index.js";
export * from "./codec/index.js";
export {
  decryptWithLabel,
  deriveSecret,
  encryptWithLabel,
  expandWithLabel,
  type Label,
  signWithLabel,
  verifyWithLabel,
} from "./crypto/index.js";
export { DecodeError, ensure, MlsError, type Rule, ValidationError } from "./errors.js";
export type { CommittedProposal, SourcedProposal } from "./framing/index.js";
export type {
  CredentialDefinition,
  EpochLedger,
  EpochSecretDefinition,
  ExtensionDefinition,
  ExtensionPlace,
  GroupView,
  ListedCapabilities,
  MlsExtension,
  ProposalCase,
  ProposalDefinition,
  ProposalList,
  PskDefinition,
  RandomSource,
  TreeView,
} from "./group/extensions/index.js";
export type { EpochAccess } from "./group/index.js";
export * from "./provider/index.js";
export type { TreeSummary } from "./tree/index.js";
export {
  Credential,
  type CustomProposal,
  type CustomPsk,
  type CustomPskId,
  customProposal,
  customPsk,
  Extension,
  ExtensionType,
  findExtension,
  GroupContext,
  isCustomProposal,
  isCustomPsk,
  isProposal,
  type KeyPackage,
  LeafNode,
  type PreSharedKeyID,
  type Proposal,
  ProposalType,
  RequiredCapabilities,
  type Sender,
  SenderType,
} from "./wire/index.js";
