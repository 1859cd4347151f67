// RFC 9420 §5.1: a provider for Copse over WebCrypto.
export {
  fromCryptoKey,
  type KeyStore,
  type PlatformCrypto,
  type PlatformKey,
  toCryptoKey,
} from "./platform.js";
export { type WebCryptoOptions, webCryptoProvider } from "./provider.js";
export { sweepKeyStore } from "./sweep-key-store.js";
