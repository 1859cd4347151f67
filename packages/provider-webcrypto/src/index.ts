// RFC 9420 §5.1: a provider for Copse over WebCrypto.
export { type KeyStore, sweepKeyStore } from "./key-store.js";
export { fromCryptoKey, toCryptoKey } from "./private-keys.js";
export { type WebCryptoOptions, webCryptoProvider } from "./provider.js";
