// RFC 9420 §3.2, §12.1.8: following groups without being a member. An entry of its own, so that clients don't load it.
export { PublicGroup, type PublicGroupOptions } from "./client/public-group.js";
export type { ExternalProposalRequest } from "./group/proposals/requests.js";
