// RFC 9420 §5.1: the WebCrypto backend of Copse.
export type { KeyStore } from "./key-store.js";
export { fromCryptoKey, toCryptoKey } from "./private-keys.js";
export { type WebCryptoOptions, webCryptoProvider } from "./provider.js";
