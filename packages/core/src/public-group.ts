// RFC 9420 §3.2, §12.1.8: what a server needs that follows groups without being in them. Apart from what clients load.
export { PublicGroup, type PublicGroupOptions } from "./client/public-group.js";
export type { ExternalProposalRequest } from "./group/proposals/options.js";
