// RFC 8439 by libsodium; NIST SP 800-38D by node:crypto, since libsodium has no AES-128-GCM.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { AES_128_GCM, type AeadPart, CHACHA20_POLY1305 } from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guardSync, ownBytes } from "@copse/provider-kit";
import { sodium } from "./sodium.js";

export const chacha20Poly1305: AeadPart = {
  algorithm: CHACHA20_POLY1305,
  seal(key, nonce, aad, plaintext) {
    checkSealInputs(CHACHA20_POLY1305, key, nonce);
    const sealed = new Uint8Array(plaintext.length + CHACHA20_POLY1305.Nt);
    return guardSync("ChaCha20Poly1305: encryption failed", () => {
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(sealed, plaintext, aad, null, nonce, key);
      return sealed;
    });
  },
  open(key, nonce, aad, ciphertext) {
    checkOpenInputs(CHACHA20_POLY1305, key, nonce, ciphertext);
    const plaintext = new Uint8Array(ciphertext.length - CHACHA20_POLY1305.Nt);
    return guardSync("ChaCha20Poly1305: decryption failed", () => {
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plaintext, null, ciphertext, aad, nonce, key);
      return plaintext;
    });
  },
};

const OPTIONS = { authTagLength: AES_128_GCM.Nt };

export const aes128Gcm: AeadPart = {
  algorithm: AES_128_GCM,
  seal(key, nonce, aad, plaintext) {
    checkSealInputs(AES_128_GCM, key, nonce);
    return guardSync("AES-128-GCM: encryption failed", () => {
      const cipher = createCipheriv("aes-128-gcm", key, nonce, OPTIONS).setAAD(aad);
      const sealed = new Uint8Array(plaintext.length + AES_128_GCM.Nt);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    });
  },
  open(key, nonce, aad, ciphertext) {
    checkOpenInputs(AES_128_GCM, key, nonce, ciphertext);
    const length = ciphertext.length - AES_128_GCM.Nt;
    return guardSync("AES-128-GCM: decryption failed", () => {
      const decipher = createDecipheriv("aes-128-gcm", key, nonce, OPTIONS).setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(length));
      const plaintext = decipher.update(ciphertext.subarray(0, length));
      try {
        decipher.final();
      } catch (error) {
        plaintext.fill(0); // what isn't authentic is no one's
        throw error;
      }
      return ownBytes(plaintext);
    });
  },
};
