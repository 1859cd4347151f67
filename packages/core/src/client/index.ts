// The public classes: clients and their groups.
export { generateSigner, signerOf } from "../crypto/index.js";
export type { ExtraCapabilities } from "../group/extensions/index.js";
export type { AsyncContext, EpochAccess } from "../group/index.js";
export type {
  CommitOptions,
  ExpectedKeyPackage,
  GroupInfoOptions,
  KeyPackageToAdd,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  ResumptionOptions,
  WaitingProposal,
} from "../group/proposals/index.js";
export { Client } from "./client.js";
export { Group } from "./group.js";
export type { AddOptions, MessageOptions, RemoveOptions, UpdateOptions } from "./group-options.js";
export type { KeyPackageInfo } from "./key-packages.js";
export type { AbortSignalLike, OperationOptions } from "./operation.js";
export type {
  ClientOptions,
  ExternalJoin,
  ExternalJoinOptions,
  GroupOptions,
  JoinOptions,
  KeyPackageOptions,
  NewGroup,
} from "./options.js";
export { StagedCommit, type WelcomeForOne } from "./staged-commit.js";
