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
export type { AbortSignalLike, OperationOptions, Outcome } from "../operation/index.js";
export { Client } from "./client.js";
export { Group } from "./group.js";
export type {
  AddOptions,
  ExportOptions,
  MessageOptions,
  RemoveOptions,
  UpdateOptions,
} from "./group-options.js";
export type { KeyPackageDetails, KeyPackageInfo } from "./key-packages.js";
export type {
  ClientOptions,
  GroupOptions,
  JoinOptions,
  JoinStagedOptions,
  KeyPackageOptions,
  ReadWelcomeOptions,
} from "./options.js";
export { StagedCommit, type WelcomeForOne } from "./staged-commit.js";
export { type InvitedKeyPackage, StagedWelcome } from "./staged-welcome.js";
