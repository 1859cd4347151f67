// Copse: Messaging Layer Security (RFC 9420) with pluggable cryptography.
export { DecodeError, type Rule, ValidationError } from "./errors.js";
export * from "./provider/index.js";
