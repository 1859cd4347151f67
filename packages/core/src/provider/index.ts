// The interface between protocol and cryptography: the only part of the core that a provider imports.

export { ascii, concat, copySecret, EMPTY, equalBytes, secretBytes, toHex } from "../bytes.js";
export { CryptoError, MlsError, type MlsErrorCode, UnsupportedError } from "../errors.js";
export * from "./awaitable.js";
export * from "./interface.js";
export * from "./suites.js";
