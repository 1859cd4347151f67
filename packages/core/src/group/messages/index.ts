// RFC 9420 §6, §15: sending and receiving messages.
export {
  type Followed,
  type FollowedCommit,
  followCommit,
  followFrom,
  followMessage,
  type PublicGroupState,
  resumeFrom,
} from "./follow.js";
export { keyOf, mergeStaged, type Reception } from "./merge.js";
export { receiveMessage, type Staging, stageMessage } from "./receive.js";
export {
  type ApplicationMessage,
  type CommitMessage,
  groupBefore,
  isActive,
  type ListedProposal,
  type MembersView,
  type OwnMessage,
  type ProposalMessage,
  type Received,
  reportCommit,
} from "./report.js";
export { applicationMessage, proposalMessage } from "./send.js";
