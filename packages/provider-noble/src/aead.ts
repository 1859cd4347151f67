// NIST SP 800-38D, RFC 8439: AEAD by @noble/ciphers.
import { type AeadAlgorithm, type AeadPart, CryptoError } from "@copse/core/provider";
import { expectLength, guardSync } from "@copse/provider-kit";
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

/** AES-128-GCM, AES-256-GCM or ChaCha20-Poly1305, as `algorithm` names it. */
export function aeadPart(algorithm: AeadAlgorithm): AeadPart {
  const { Nk, Nn, Nt, name } = algorithm;
  const cipher = name === "ChaCha20Poly1305" ? chacha20poly1305 : gcm;
  const check = (key: Uint8Array, nonce: Uint8Array) => {
    expectLength(key, Nk, `${name} key`);
    expectLength(nonce, Nn, `${name} nonce`);
  };
  return {
    algorithm,
    seal(key, nonce, aad, plaintext) {
      check(key, nonce);
      return guardSync(`${name}: encryption failed`, () => cipher(key, nonce, aad).encrypt(plaintext));
    },
    open(key, nonce, aad, ciphertext) {
      check(key, nonce);
      if (ciphertext.length < Nt)
        throw new CryptoError(
          `${name}: expected a ciphertext of at least ${Nt} bytes, got ${ciphertext.length}`,
        );
      return guardSync(`${name}: decryption failed`, () => cipher(key, nonce, aad).decrypt(ciphertext));
    },
  };
}
