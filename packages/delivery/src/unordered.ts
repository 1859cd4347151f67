// RFC 9420 §14: conversations where nobody orders commits. An entry of its own: where a service orders them, nobody needs it.
export type { Settling } from "./conversation/settling.js";
export type { Contender } from "./unordered/branches.js";
export { byHash, type SettleBranchesOptions, settleBranches } from "./unordered/settle.js";
