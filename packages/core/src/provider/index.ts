// The interface between protocol and cryptography: the only part of the core that a provider imports.

export type { ByteArray, Bytes } from "../byte-types.js";
export { ascii, concat, copySecret, EMPTY, equalBytes, mapKey, secretBytes, toHex } from "../bytes.js";
export { CryptoError, MlsError, type MlsErrorCode, UnsupportedError } from "../errors.js";
export { checkOptions, type OptionKind, type OptionNames, type OptionShape } from "../option-shapes.js";
export * from "./awaitable.js";
export * from "./interface.js";
export type { StorageCipher, StorageKey } from "./storage-cipher.js";
export * from "./suites.js";
