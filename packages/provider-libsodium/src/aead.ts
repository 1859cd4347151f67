// RFC 8439: ChaCha20-Poly1305 by libsodium.
import { type AeadPart, CHACHA20_POLY1305, CryptoError } from "@copse/core/provider";
import { expectLength, guardSync } from "@copse/provider-kit";
import sodium from "libsodium-wrappers";

const { Nk, Nn, Nt } = CHACHA20_POLY1305;

function check(key: Uint8Array, nonce: Uint8Array): void {
  expectLength(key, Nk, "ChaCha20-Poly1305 key");
  expectLength(nonce, Nn, "ChaCha20-Poly1305 nonce");
}

/** Ready when `sodium` is. */
export const chacha20Poly1305: AeadPart = {
  algorithm: CHACHA20_POLY1305,
  seal(key, nonce, aad, plaintext) {
    check(key, nonce);
    return guardSync("ChaCha20-Poly1305: encryption failed", () =>
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key),
    );
  },
  open(key, nonce, aad, ciphertext) {
    check(key, nonce);
    if (ciphertext.length < Nt)
      throw new CryptoError(
        `ChaCha20-Poly1305: expected a ciphertext of at least ${Nt} bytes, got ${ciphertext.length}`,
      );
    return guardSync("ChaCha20-Poly1305: decryption failed", () =>
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key),
    );
  },
};
