// RFC 9420 §5.1: everything that MLS asks of cryptography, as the interface that a provider implements.
//
// Rules for all parts:
// - An input is never changed and never kept; an output is the caller's own, and shares no memory with
//   the provider or with another output.
// - Bad input (a wrong length, a point off the curve, a wrong tag) is a CryptoError, thrown or as a
//   rejected promise, and nothing else is. `verify` alone answers `false` instead.
// - An answer may come at once or as a promise.
import type { Awaitable } from "./awaitable.js";
import type {
  AeadAlgorithm,
  CipherSuite,
  HashAlgorithm,
  KemAlgorithm,
  SignatureAlgorithm,
} from "./suites.js";

declare const keyBrand: unique symbol;

/**
 * A private key of an HPKE key pair: an opaque handle that its provider made. Bytes for one provider, a
 * `CryptoKey` that can't be extracted for another, a slot in a token for a third.
 */
export type HpkePrivateKey = object & { readonly [keyBrand]: "hpke" };

/** A private signature key: an opaque handle that its provider made. */
export type SignaturePrivateKey = object & { readonly [keyBrand]: "signature" };

export interface HpkeKeyPair {
  /** `Npk` bytes, RFC 9180 `SerializePublicKey`. */
  readonly publicKey: Uint8Array;
  readonly privateKey: HpkePrivateKey;
}

export interface SignatureKeyPair {
  /** `Npk` bytes, as RFC 9420 §5.1.1 encodes it. */
  readonly publicKey: Uint8Array;
  readonly privateKey: SignaturePrivateKey;
}

/** RFC 9420 §5.3.2 `HPKECiphertext`, as it comes out of the primitive. */
export interface HpkeSealed {
  /** `Nenc` bytes. */
  readonly kemOutput: Uint8Array;
  /** The plaintext's length plus `Nt` bytes. */
  readonly ciphertext: Uint8Array;
}

/** One of many independent encryptions that the protocol hands over together. */
export interface HpkeSealRequest {
  readonly publicKey: Uint8Array;
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}

/** One of many independent verifications that the protocol hands over together. */
export interface VerifyRequest {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** One of many outputs that the protocol derives from one key. */
export interface ExpandRequest {
  readonly info: Uint8Array;
  /** In bytes. */
  readonly length: number;
}

/** The suite's hash function, and its MAC (HMAC over that hash in all suites of RFC 9420). */
export interface HashPart {
  readonly algorithm: HashAlgorithm;
  /** `Nh` bytes. */
  hash(data: Uint8Array): Awaitable<Uint8Array>;
  /** Digests of independent inputs, in their order. Without it the core calls {@link hash} for each. */
  hashAll?(data: readonly Uint8Array[]): Awaitable<Uint8Array[]>;
  /** `Nh` bytes. The key may have any length, including none. */
  mac(key: Uint8Array, data: Uint8Array): Awaitable<Uint8Array>;
}

/** HKDF (RFC 5869) over the suite's hash: the `KDF` of RFC 9180. */
export interface KdfPart {
  readonly algorithm: HashAlgorithm;
  /** `Nh` bytes. An empty salt means `Nh` zero bytes, as HMAC itself has it. */
  extract(salt: Uint8Array, ikm: Uint8Array): Awaitable<Uint8Array>;
  /** `length` bytes, at most `255 * Nh`; more is a CryptoError. */
  expand(prk: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>;
  /** Many outputs of one key, in the order of the requests. Without it the core calls {@link expand} for each. */
  expandAll?(prk: Uint8Array, requests: readonly ExpandRequest[]): Awaitable<Uint8Array[]>;
}

/** The suite's AEAD. A key has `Nk` bytes, a nonce `Nn`; the tag is the last `Nt` bytes of the ciphertext. */
export interface AeadPart {
  readonly algorithm: AeadAlgorithm;
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>;
  /** @throws CryptoError if the tag doesn't fit, and gives nothing of the plaintext away. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Awaitable<Uint8Array>;
}

/** HPKE (RFC 9180) in base mode, with the suite's KEM, KDF and AEAD, and the KEM's key management. */
export interface HpkePart {
  readonly algorithm: KemAlgorithm;
  /** A fresh key pair. */
  generateKeyPair(): Awaitable<HpkeKeyPair>;
  /** RFC 9180 §7.1.3 `DeriveKeyPair`: the same key pair for the same `ikm`. */
  deriveKeyPair(ikm: Uint8Array): Awaitable<HpkeKeyPair>;
  /** @throws CryptoError unless it is a public key of this KEM (RFC 9180 §7.1.4). */
  validatePublicKey(publicKey: Uint8Array): Awaitable<void>;
  /**
   * A handle for a private key's `Nsk` bytes (RFC 9180 `DeserializePrivateKey`) and the public key that
   * belongs to it.
   * @throws CryptoError if the bytes are no private key.
   */
  importPrivateKey(bytes: Uint8Array): Awaitable<HpkeKeyPair>;
  /**
   * The private key's `Nsk` bytes.
   * @throws MlsError `key-not-extractable` if the provider doesn't give them away.
   */
  exportPrivateKey(privateKey: HpkePrivateKey): Awaitable<Uint8Array>;
  /**
   * Bytes by which this provider finds the key again, for a saved state. Without it the core saves what
   * {@link exportPrivateKey} gives. A provider with keys that can't be extracted gives a reference.
   */
  savePrivateKey?(privateKey: HpkePrivateKey): Awaitable<Uint8Array>;
  /** The key that {@link savePrivateKey} saved. Given with it, or not at all. */
  loadPrivateKey?(saved: Uint8Array): Awaitable<HpkePrivateKey>;
  /** RFC 9180 §6.1 `SealBase`. */
  seal(
    publicKey: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Awaitable<HpkeSealed>;
  /** Many independent {@link seal}s, answers in their order. Without it the core calls {@link seal} for each. */
  sealAll?(requests: readonly HpkeSealRequest[]): Awaitable<HpkeSealed[]>;
  /** RFC 9180 §6.1 `OpenBase`. @throws CryptoError if it can't be opened with this key. */
  open(
    privateKey: HpkePrivateKey,
    kemOutput: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
  ): Awaitable<Uint8Array>;
  /** `SetupBaseS` and `Context.Export` (RFC 9180 §5.3): `length` bytes that only the key's owner can derive too. */
  sendExport(
    publicKey: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<{ readonly kemOutput: Uint8Array; readonly secret: Uint8Array }>;
  /** `SetupBaseR` and `Context.Export`. */
  receiveExport(
    privateKey: HpkePrivateKey,
    kemOutput: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<Uint8Array>;
}

/** The suite's signature scheme. ECDSA signatures are DER (RFC 8446), EdDSA ones `R || S` (RFC 8032). */
export interface SignaturePart {
  readonly algorithm: SignatureAlgorithm;
  generateKeyPair(): Awaitable<SignatureKeyPair>;
  /** A handle for a private key's `Nsk` bytes, and its public key. @throws CryptoError if they are none. */
  importPrivateKey(bytes: Uint8Array): Awaitable<SignatureKeyPair>;
  /** The private key's `Nsk` bytes. @throws MlsError `key-not-extractable` */
  exportPrivateKey(privateKey: SignaturePrivateKey): Awaitable<Uint8Array>;
  /** @throws CryptoError unless it is a public key of this scheme. */
  validatePublicKey(publicKey: Uint8Array): Awaitable<void>;
  sign(privateKey: SignaturePrivateKey, message: Uint8Array): Awaitable<Uint8Array>;
  /** Whether the signature fits; `false`, never an error, for a malformed key or signature. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Awaitable<boolean>;
  /** Many independent {@link verify}s, answers in their order. Without it the core calls {@link verify} for each. */
  verifyAll?(requests: readonly VerifyRequest[]): Awaitable<boolean[]>;
}

/** All of the cryptography of one suite. */
export interface CipherSuiteProvider {
  readonly suite: CipherSuite;
  readonly hash: HashPart;
  readonly kdf: KdfPart;
  readonly aead: AeadPart;
  readonly hpke: HpkePart;
  readonly signature: SignaturePart;
  /** `length` bytes from a cryptographic random source. */
  random(length: number): Uint8Array;
}

/** A provider: the suites that it serves on this platform, and the cryptography of each. */
export interface CryptoProvider {
  /** A short name for people: `webcrypto`, `libsodium`. */
  readonly name: string;
  /** The suites that work here, best first. */
  readonly suites: readonly CipherSuite[];
  /** @throws UnsupportedError if the suite isn't among {@link suites}. The same object for the same id. */
  suite(id: number): CipherSuiteProvider;
}

/**
 * What signs for a client: a part of its own, so that the key may live in a token, a key service or a
 * platform's store. It is never saved with a group's state, but bound again when one is loaded.
 */
export interface Signer {
  /** The scheme it signs with; must be the suite's. */
  readonly algorithm: SignatureAlgorithm;
  /** `Npk` bytes, as RFC 9420 §5.1.1 encodes it. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Awaitable<Uint8Array>;
}
