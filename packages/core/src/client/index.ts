// The public classes: clients and their groups.
export { generateSigner, signerOf } from "../crypto/index.js";
export type {
  CommitMessages,
  CommitOptions,
  EpochAccess,
  ExtraCapabilities,
  GroupInfoOptions,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  ResumptionOptions,
} from "../group/index.js";
export { Client } from "./client.js";
export { Group } from "./group.js";
export type {
  ClientOptions,
  ExternalJoin,
  ExternalJoinOptions,
  GroupOptions,
  JoinOptions,
  NewGroup,
} from "./options.js";
