// The public face: clients and their groups.
export { Client } from "./client.js";
export { Group } from "./group.js";
export type { EpochAccess } from "./host.js";
export type {
  CommitMessages,
  CommitOptions,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  SuccessionOptions,
} from "./messages.js";
export type {
  ClientOptions,
  ExternalJoin,
  ExternalJoinOptions,
  ExtraCapabilities,
  JoinOptions,
  NewGroup,
} from "./options.js";
export type { GroupInfoOptions } from "./outgoing.js";
export { generateSigner, signerOf } from "./signer.js";
