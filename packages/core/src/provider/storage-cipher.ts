// NIST SP 800-38D, RFC 5869: the cipher of a storage whose values are sealed.
import type { Awaitable } from "./awaitable.js";

/** A key that seals values: AES-256-GCM (NIST SP 800-38D). */
export interface StorageKey {
  /**
   * @param nonce 12 bytes, never the same twice
   * @returns the ciphertext (as long as `plaintext`) and the tag of 16 bytes
   */
  seal(nonce: Uint8Array, plaintext: Uint8Array, associatedData: Uint8Array): Awaitable<Uint8Array>;
  /**
   * Opens what {@link seal} of the same key returned, by this or another implementation.
   * @returns the plaintext, in memory of its own; `undefined` if it isn't that, or nonce or associated data are others
   */
  open(
    nonce: Uint8Array,
    ciphertext: Uint8Array,
    associatedData: Uint8Array,
  ): Awaitable<Uint8Array | undefined>;
}

/**
 * What `sealedStorage` of `@copse/core/storage` needs of cryptography, with the application's master key in it. All
 * implementations give the same keys for the same master key, and read what the others have sealed.
 */
export interface StorageCipher {
  /**
   * HKDF with SHA-256 (RFC 5869, extract and expand) of the master key, 32 bytes long.
   * @param salt 8 bytes
   * @param info at most 255 bytes
   */
  deriveKey(salt: Uint8Array, info: Uint8Array): Awaitable<StorageKey>;
  /** `length` bytes of a cryptographic random source. */
  random(length: number): Uint8Array;
}
