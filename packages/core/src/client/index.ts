// The public classes: clients and their groups.
export { generateSigner, type OwnSigner, signerOf } from "../crypto/index.js";
export type { ExtraCapabilities } from "../group/extensions/index.js";
export type { AsyncContext, EpochAccess } from "../group/index.js";
export type {
  CommitOptions,
  ExpectedKeyPackage,
  ExtensionChange,
  ExtensionChanges,
  GroupInfoOptions,
  KeyPackageToAdd,
  MembersToRemove,
  NewIdentity,
  ProposalChoice,
  ProposalRequest,
  PskChoice,
  WaitingProposal,
} from "../group/proposals/index.js";
export type {
  AbortSignalLike,
  EntryChange,
  OperationOptions,
  Outcome,
  WriteOptions,
} from "../operation/index.js";
export { Client } from "./client.js";
export { Group } from "./group.js";
export type { ExportOptions, MessageOptions } from "./group-options.js";
export type { KeyPackageDetails, KeyPackageInfo } from "./key-packages.js";
export type {
  ClientOptions,
  GroupOptions,
  JoinOptions,
  JoinStagedOptions,
  KeyPackageOptions,
  ReadWelcomeOptions,
} from "./options.js";
export {
  type AddOptions,
  type RemoveOptions,
  StagedCommit,
  type UpdateOptions,
  type WelcomeForOne,
} from "./staged-commit.js";
export { type InvitedKeyPackage, StagedWelcome } from "./staged-welcome.js";
