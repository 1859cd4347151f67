// The public face: clients and their groups.
export {
  Client,
  type ClientOptions,
  type ExternalJoin,
  type ExternalJoinOptions,
  type ExtraCapabilities,
  type JoinOptions,
  type NewGroup,
} from "./client.js";
export { type EpochAccess, Group } from "./group.js";
export type {
  CommitMessages,
  CommitOptions,
  NewIdentity,
  ProposalRequest,
  PskChoice,
  SuccessionOptions,
} from "./messages.js";
export { type ExternalProposalChoice, GroupObserver, type ObserverOptions } from "./observer.js";
export { generateSigner, signerOf } from "./signer.js";
