// What this package uses of sodium-native, which is loaded when the first provider is made: so that where it can't be
// loaded, an error says so, and the package can be imported all the same.
import { createRequire } from "node:module";
import { UnsupportedError } from "@copse/core/provider";

/** Each function writes to its first argument. */
interface Sodium {
  /** Public key of 32 bytes, expanded private key of 64 bytes, from a seed of 32 bytes. */
  crypto_sign_seed_keypair(publicKey: Uint8Array, privateKey: Uint8Array, seed: Uint8Array): void;
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, privateKey: Uint8Array): void;
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  crypto_scalarmult_base(publicKey: Uint8Array, privateKey: Uint8Array): void;
  /** Throws for a point of low order. */
  crypto_scalarmult(shared: Uint8Array, privateKey: Uint8Array, publicKey: Uint8Array): void;
  crypto_hash_sha256(digest: Uint8Array, data: Uint8Array): void;
  crypto_aead_chacha20poly1305_ietf_encrypt(
    ciphertext: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array | null,
    none: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
  crypto_aead_chacha20poly1305_ietf_decrypt(
    plaintext: Uint8Array,
    none: null,
    ciphertext: Uint8Array,
    aad: Uint8Array | null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
  /** Fills the bytes. */
  randombytes_buf(bytes: Uint8Array): void;
}

/** There once {@link loadSodium} has been called. */
export let sodium: Sodium;

/** @throws UnsupportedError if it isn't installed, or has no binary for this platform. Its error is the cause */
export function loadSodium(): void {
  try {
    sodium ??= createRequire(import.meta.url)("sodium-native") as Sodium;
  } catch (cause) {
    throw new UnsupportedError(
      "sodium-native can't be loaded here: it isn't installed, or has no binary for this platform",
      { cause },
    );
  }
}
