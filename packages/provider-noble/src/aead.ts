// NIST SP 800-38D, RFC 8439: AEAD by @noble/ciphers.
import type { AeadAlgorithm, AeadPart } from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guardSync } from "@copse/provider-kit";
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

/** AES-128-GCM, AES-256-GCM or ChaCha20-Poly1305, as `algorithm` names it. */
export function aeadPart(algorithm: AeadAlgorithm): AeadPart {
  const { name } = algorithm;
  const cipher = name === "ChaCha20Poly1305" ? chacha20poly1305 : gcm;
  return {
    algorithm,
    seal(key, nonce, aad, plaintext) {
      checkSealInputs(algorithm, key, nonce);
      return guardSync(`${name}: encryption failed`, () => cipher(key, nonce, aad).encrypt(plaintext));
    },
    open(key, nonce, aad, ciphertext) {
      checkOpenInputs(algorithm, key, nonce, ciphertext);
      return guardSync(`${name}: decryption failed`, () => cipher(key, nonce, aad).decrypt(ciphertext));
    },
  };
}
