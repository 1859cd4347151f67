// RFC 9420 §6, §15: sending and receiving messages.
export { followFrom, followMessage, type PublicGroupState, resumeFrom } from "./follow.js";
export { mergePending, type Reception, receiveMessage } from "./receive.js";
export type { ApplicationMessage, CommitMessage, OwnMessage, ProposalMessage, Received } from "./report.js";
export { applicationMessage, proposalMessage } from "./send.js";
