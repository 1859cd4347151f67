// RFC 8439: ChaCha20-Poly1305 by libsodium.
import { type AeadPart, CHACHA20_POLY1305 } from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guardSync } from "@copse/provider-kit";
import { sodium } from "./sodium.js";

const { name } = CHACHA20_POLY1305;

/** Ready when `sodium` is. */
export const chacha20Poly1305: AeadPart = {
  algorithm: CHACHA20_POLY1305,
  seal(key, nonce, aad, plaintext) {
    checkSealInputs(CHACHA20_POLY1305, key, nonce);
    return guardSync(`${name}: encryption failed`, () =>
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key),
    );
  },
  open(key, nonce, aad, ciphertext) {
    checkOpenInputs(CHACHA20_POLY1305, key, nonce, ciphertext);
    return guardSync(`${name}: decryption failed`, () =>
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, ciphertext, aad, nonce, key),
    );
  },
};
