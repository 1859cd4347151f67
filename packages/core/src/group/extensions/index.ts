// RFC 9420 §13: what extensions define, and what a group requires of its members.
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
} from "./extension-definition.js";
export { capabilitiesOf, describeLeaf, type ExtraCapabilities } from "./leaf-description.js";
export { Registry } from "./registry.js";
export {
  checkCapabilities,
  checkMembers,
  checkReinit,
  externalSenders,
  requiredCapabilities,
  requirementsOf,
} from "./requirements.js";
