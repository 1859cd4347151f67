// The door between protocol and cryptography: all that a backend needs to know of Copse.
export { CryptoError, MlsError, type MlsErrorCode, UnsupportedError } from "../errors.js";
export * from "./awaitable.js";
export * from "./interface.js";
export * from "./suites.js";
