// RFC 9420 §5.1: a crypto provider for Copse over PKCS#11: private keys that never leave a token.
export type { Attribute, Cryptoki, Handle, Mechanism, TokenInfo } from "./cryptoki.js";
export { TokenError } from "./errors.js";
export { type KeyPlaces, type Pkcs11Options, type Pkcs11Provider, pkcs11Provider } from "./provider.js";
export type { SignerChoice, SignerName, TokenSigner } from "./signers.js";
