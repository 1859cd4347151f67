// RFC 9420 §5.1: the interface between protocol and cryptography. A provider imports nothing else of the core.

export { ascii, concat, EMPTY, equalBytes, toHex } from "../bytes.js";
export { CryptoError, MlsError, type MlsErrorCode, UnsupportedError } from "../errors.js";
export * from "./awaitable.js";
export * from "./interface.js";
export * from "./suites.js";
