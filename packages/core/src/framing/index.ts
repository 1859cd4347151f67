// RFC 9420 §6, §12.1, §12.4: how messages are authenticated and encrypted, and the proposals that they carry.
export * from "./authentication.js";
export * from "./private-message.js";
export * from "./public-message.js";
export * from "./sourced-proposal.js";
