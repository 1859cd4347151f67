// RFC 9420 §6, §12.1, §12.4: how messages are authenticated and encrypted, and the proposals that they carry.
export { signContent, verifyContent } from "./authentication.js";
export { type OpenedPrivateMessage, openPrivate, sealPrivate } from "./private-message.js";
export { openPublic, readPublic, sealPublic } from "./public-message.js";
export {
  asCommitted,
  blame,
  type CommittedProposal,
  proposalName,
  type SourcedProposal,
} from "./sourced-proposal.js";
