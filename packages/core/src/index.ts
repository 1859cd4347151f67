// Copse: Messaging Layer Security (RFC 9420) with pluggable cryptography.
export { DecodeError, ValidationError, type Rule } from "./errors.js";
export * from "./provider/index.js";
