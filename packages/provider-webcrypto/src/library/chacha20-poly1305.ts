// RFC 8439: ChaCha20-Poly1305 of @hpke/chacha20poly1305.
import type { AeadPart } from "@copse/core/provider";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";

export function chacha20Poly1305(): Pick<AeadPart, "seal" | "open"> {
  const aead = new Chacha20Poly1305();
  return {
    async seal(key, nonce, aad, plaintext) {
      return new Uint8Array(await aead.createEncryptionContext(key).seal(nonce, plaintext, aad));
    },
    async open(key, nonce, aad, ciphertext) {
      return new Uint8Array(await aead.createEncryptionContext(key).open(nonce, ciphertext, aad));
    },
  };
}
