// RFC 9420 §3.2, §12.1.8: following groups, and sending to them, without being a member. An entry of its own, so that
// clients don't load it.
export { type ExternalProposalOptions, externalProposal } from "./client/apart/external-proposal.js";
export {
  PublicGroup,
  type PublicGroupOptions,
  type ResumeOptions,
  StagedPublicCommit,
} from "./client/apart/public-group.js";
export { keyPackageReference, proposalReference } from "./framing/references.js";
export type { ExternalProposalRequest } from "./group/proposals/requests.js";
export type { ExternalSenderContext } from "./group/proposals/standalone.js";
