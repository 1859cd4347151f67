// RFC 9420 §5.1: the interface that a provider implements: all of the cryptography that MLS needs.
//
// Rules for all parts:
// - A provider never changes an input and keeps no reference to it: it reads its inputs before a function returns, also
//   where that returns a promise, so that the caller may overwrite them meanwhile. The caller owns the output, which
//   shares no memory with the provider or with another output.
// - Invalid input (a wrong length, a point that is not on the curve, a wrong tag) is a CryptoError, thrown or as a
//   rejected promise, and nothing else is. Only `verify` returns `false` instead.
// - A function may return its result at once or as a promise.
import type { Awaitable } from "./awaitable.js";
import type {
  AeadAlgorithm,
  CipherSuite,
  HashAlgorithm,
  KemAlgorithm,
  SignatureAlgorithm,
} from "./suites.js";

/**
 * The private key of an HPKE key pair: an opaque handle that only its provider understands. It may hold bytes, a
 * `CryptoKey` that can't be extracted, or the slot of a token. The property exists only for the compiler, which so tells
 * handles from other objects. Its name is a string: a symbol would be another one in each copy of this package.
 */
export type HpkePrivateKey = object & { readonly "~copse key": "hpke" };

/** A private signature key: an opaque handle that only its provider understands. */
export type SignaturePrivateKey = object & { readonly "~copse key": "signature" };

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

/** The result of an HPKE encryption: the fields of HPKECiphertext, RFC 9420 §7.6. */
export interface HpkeSealed {
  /** `Nenc` bytes. */
  readonly kemOutput: Uint8Array;
  /** The plaintext's length plus `Nt` bytes. */
  readonly ciphertext: Uint8Array;
}

/** One encryption in a batch. The fields are the arguments of {@link HpkePart.seal}. */
export interface HpkeSealRequest {
  readonly publicKey: Uint8Array;
  readonly info: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
}

/** One verification in a batch. The fields are the arguments of {@link SignaturePart.verify}. */
export interface VerifyRequest {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** One output in a batch. The fields are arguments of {@link KdfPart.expand}. */
export interface ExpandRequest {
  readonly info: Uint8Array;
  /** In bytes. */
  readonly length: number;
}

/** The suite's hash function, and its MAC (HMAC with that hash in all suites of RFC 9420). */
export interface HashPart {
  readonly algorithm: HashAlgorithm;
  /** The digest: `Nh` bytes. */
  hash(data: Uint8Array): Awaitable<Uint8Array>;
  /** The digests of many inputs, in their order. Without it, the core calls {@link hash} for each. */
  hashAll?(data: readonly Uint8Array[]): Awaitable<Uint8Array[]>;
  /** The MAC: `Nh` bytes. The key may have any length, also none. */
  mac(key: Uint8Array, data: Uint8Array): Awaitable<Uint8Array>;
}

/** HKDF (RFC 5869) with the suite's hash: the `KDF` of RFC 9180. */
export interface KdfPart {
  readonly algorithm: HashAlgorithm;
  /** `Nh` bytes. An empty salt is the same as `Nh` zero bytes, as in HMAC. */
  extract(salt: Uint8Array, ikm: Uint8Array): Awaitable<Uint8Array>;
  /** `length` bytes. @throws CryptoError for more than `255 * Nh` bytes */
  expand(prk: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>;
  /** Many outputs of one key, in the order of the requests. Without it, the core calls {@link expand} for each. */
  expandAll?(prk: Uint8Array, requests: readonly ExpandRequest[]): Awaitable<Uint8Array[]>;
}

/** The suite's AEAD. A key has `Nk` bytes and a nonce `Nn`. The tag is the last `Nt` bytes of the ciphertext. */
export interface AeadPart {
  readonly algorithm: AeadAlgorithm;
  /** Encrypts: the ciphertext has `Nt` bytes more than the plaintext. */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>;
  /** Decrypts. @throws CryptoError if the tag is wrong, without revealing any of the plaintext */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Awaitable<Uint8Array>;
}

/** HPKE (RFC 9180) in base mode with the suite's KEM, KDF and AEAD, and the keys of the KEM. */
export interface HpkePart {
  readonly algorithm: KemAlgorithm;
  /** A new random key pair. */
  generateKeyPair(): Awaitable<HpkeKeyPair>;
  /** `DeriveKeyPair` (RFC 9180 §7.1.3): the same key pair for the same `ikm`. */
  deriveKeyPair(ikm: Uint8Array): Awaitable<HpkeKeyPair>;
  /** Checks a public key (RFC 9180 §7.1.4). @throws CryptoError if it is not a valid public key of this KEM */
  validatePublicKey(publicKey: Uint8Array): Awaitable<void>;
  /**
   * The key pair of a private key of `Nsk` bytes (`DeserializePrivateKey` of RFC 9180).
   * @throws CryptoError if the bytes are not a private key; UnsupportedError, whatever the bytes are, if the provider
   *   imports no private keys
   */
  importPrivateKey(bytes: Uint8Array): Awaitable<HpkeKeyPair>;
  /**
   * The private key's `Nsk` bytes.
   * @throws MlsError `key-not-extractable` if the provider does not export this private key, now and later
   */
  exportPrivateKey(privateKey: HpkePrivateKey): Awaitable<Uint8Array>;
  /**
   * Bytes for a saved state, from which {@link loadPrivateKey} finds the key again: a reference, if the key can't be
   * extracted. Without this function, the core saves the bytes of {@link exportPrivateKey}.
   */
  savePrivateKey?(privateKey: HpkePrivateKey): Awaitable<Uint8Array>;
  /**
   * The key that {@link savePrivateKey} saved. A provider has both functions or neither.
   * @throws CryptoError or MlsError `state` if these bytes were never saved, or the key is gone; MlsError `try-again`
   *   if it can't be told now, because a key store or a token doesn't answer
   */
  loadPrivateKey?(saved: Uint8Array): Awaitable<HpkePrivateKey>;
  /**
   * Whether destroying a key makes what {@link savePrivateKey} saved of it useless, because the key is in a key store or a
   * token. Such a key is destroyed only when no saved state needs it. Without this function, all that can be saved are.
   */
  isStored?(privateKey: HpkePrivateKey): boolean;
  /**
   * The private key as the platform keeps it, such as a CryptoKey, and its public key: for a storage that keeps such objects
   * (`ClientStorage.handles`), and so has the key as long as a record refers to it. `undefined` for a key whose bytes can be
   * exported. {@link destroyPrivateKey} doesn't change the object. A provider has it, or {@link savePrivateKey}.
   */
  exportHandle?(
    privateKey: HpkePrivateKey,
  ): Awaitable<{ readonly handle: object; readonly publicKey: Uint8Array } | undefined>;
  /**
   * The key of {@link exportHandle}. A provider has both functions or neither.
   * @throws CryptoError if this isn't a private key of this KEM
   */
  importHandle?(handle: object, publicKey: Uint8Array): Awaitable<HpkePrivateKey>;
  /**
   * Deletes what nothing refers to from the key store or the token in which {@link savePrivateKey} keeps keys: a crash
   * may leave such. Keys of which this process has a handle stay.
   * @param saved all bytes in which references may be, at any place
   * @returns how many keys were deleted
   */
  sweepPrivateKeys?(saved: readonly Uint8Array[]): Awaitable<number>;
  /**
   * Ends a private key that is needed nowhere any more, not even by a saved state: overwrites its bytes, and deletes it
   * from the token or key store that holds it. Later calls with this handle are CryptoErrors; a second call does
   * nothing.
   */
  destroyPrivateKey(privateKey: HpkePrivateKey): Awaitable<void>;
  /** `SealBase` (RFC 9180 §6.1). @throws CryptoError if the public key is invalid */
  seal(
    publicKey: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Awaitable<HpkeSealed>;
  /** Many encryptions, in the order of the requests. Without it, the core calls {@link seal} for each. */
  sealAll?(requests: readonly HpkeSealRequest[]): Awaitable<HpkeSealed[]>;
  /** `OpenBase` (RFC 9180 §6.1). @throws CryptoError if the ciphertext can't be decrypted with this key */
  open(
    privateKey: HpkePrivateKey,
    kemOutput: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
    ciphertext: Uint8Array,
  ): Awaitable<Uint8Array>;
  /** `SetupBaseS` and `Context.Export` (RFC 9180 §5.3): a secret of `length` bytes, shared with the key's owner. */
  sendExport(
    publicKey: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<{ readonly kemOutput: Uint8Array; readonly secret: Uint8Array }>;
  /** `SetupBaseR` and `Context.Export` (RFC 9180 §5.3): the same secret of `length` bytes. */
  receiveExport(
    privateKey: HpkePrivateKey,
    kemOutput: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<Uint8Array>;
}

/**
 * The suite's signature scheme. ECDSA signatures are DER (RFC 8446), EdDSA ones `R || S` (RFC 8032).
 *
 * All providers must give one verdict on each key and signature. EdDSA: A and R are canonical encodings of points that
 * are not of small order, S is below the order, and the equation holds, for Ed25519 without the cofactor, for Ed448
 * with it. ECDSA: public keys are uncompressed points, signatures strict DER with r and s from 1 to order - 1. The
 * kit's `strictSignature` checks what can be told from the bytes.
 */
export interface SignaturePart {
  readonly algorithm: SignatureAlgorithm;
  /** A new random key pair. */
  generateKeyPair(): Awaitable<SignatureKeyPair>;
  /** The key pair of a private key of `Nsk` bytes. @throws CryptoError or UnsupportedError, as in {@link HpkePart} */
  importPrivateKey(bytes: Uint8Array): Awaitable<SignatureKeyPair>;
  /** The private key's `Nsk` bytes. @throws MlsError `key-not-extractable`, as in {@link HpkePart} */
  exportPrivateKey(privateKey: SignaturePrivateKey): Awaitable<Uint8Array>;
  /** The private key as the platform keeps it, as in {@link HpkePart}. */
  exportHandle?(privateKey: SignaturePrivateKey): Awaitable<object | undefined>;
  /** The key of {@link exportHandle}. @throws CryptoError if this isn't a private key of this scheme */
  importHandle?(handle: object): Awaitable<SignaturePrivateKey>;
  /** Ends a private key that isn't needed any more, as in {@link HpkePart}. The core never calls it. */
  destroyPrivateKey(privateKey: SignaturePrivateKey): Awaitable<void>;
  /**
   * Checks a public key of `Npk` bytes. The core asks for every signature key that enters a group, after `verifyAll` if
   * there is a signature under it. Whatever key {@link verify} accepts a signature under is valid.
   * @throws CryptoError if it is not a valid public key of this scheme; nothing else is a verdict
   */
  validatePublicKey(publicKey: Uint8Array): Awaitable<void>;
  /** Signs a message. */
  sign(privateKey: SignaturePrivateKey, message: Uint8Array): Awaitable<Uint8Array>;
  /** Whether the signature is valid. A malformed key or signature is `false`, never an error. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Awaitable<boolean>;
  /** Many verifications, in the order of the requests. Without it, the core calls {@link verify} for each. */
  verifyAll?(requests: readonly VerifyRequest[]): Awaitable<boolean[]>;
}

/** The cryptography of one cipher suite. */
export interface CipherSuiteProvider {
  readonly suite: CipherSuite;
  readonly hash: HashPart;
  readonly kdf: KdfPart;
  readonly aead: AeadPart;
  readonly hpke: HpkePart;
  readonly signature: SignaturePart;
  /** `length` bytes of a cryptographically secure random source. */
  random(length: number): Uint8Array;
}

/** A provider: the cipher suites that it supports on this platform, and the cryptography of each. */
export interface CryptoProvider {
  /** A short name for people, such as `webcrypto` or `libsodium`. */
  readonly name: string;
  /** The suites that work on this platform, the preferred one first. */
  readonly suites: readonly CipherSuite[];
  /** The cryptography of a suite: the same object for the same id. @throws UnsupportedError if {@link suites} lacks it */
  suite(id: number): CipherSuiteProvider;
}

/**
 * Signs for a client. It is separate from the provider, so that the key may be in a token, a key service or a
 * platform's key store. It is never saved with a group's state: the application gives it again when it loads the group.
 */
export interface Signer {
  /** The signature scheme, which must be that of the suite. */
  readonly algorithm: SignatureAlgorithm;
  /** `Npk` bytes, as RFC 9420 §5.1.1 encodes it. */
  readonly publicKey: Uint8Array;
  /**
   * Whether `sign` needs the message only until it has answered. Then it is lent a working buffer, which is overwritten
   * afterwards; that saves a copy of each message. Signers with keys of a provider say so. Default: false.
   */
  readonly borrows?: boolean;
  /** Signs a message, which is the signer's to keep unless it borrows. */
  sign(message: Uint8Array): Awaitable<Uint8Array>;
}
