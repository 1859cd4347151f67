// RFC 9180 §7.3: the AEADs of the hpke-js family: AES-GCM by WebCrypto, ChaCha20-Poly1305 in JavaScript.
import {
  AES_128_GCM,
  AES_256_GCM,
  type AeadAlgorithm,
  type AeadPart,
  CHACHA20_POLY1305,
} from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guard } from "@copse/provider-kit";
import { Chacha20Poly1305 } from "@hpke/chacha20poly1305";
import { type AeadInterface, Aes128Gcm, Aes256Gcm } from "@hpke/core";
import { bytesOf, copy } from "./bytes.js";

const LIBRARY: Readonly<Record<number, () => AeadInterface>> = {
  [AES_128_GCM.id]: () => new Aes128Gcm(),
  [AES_256_GCM.id]: () => new Aes256Gcm(),
  [CHACHA20_POLY1305.id]: () => new Chacha20Poly1305(),
};

/** The library's AEAD, for its HPKE. */
export const libraryAead = ({ id }: AeadAlgorithm): AeadInterface => (LIBRARY[id] as () => AeadInterface)();

/** The same as a part of a suite: a key is used for one message, as MLS does. */
export function aeadPart(algorithm: AeadAlgorithm): AeadPart {
  const { name } = algorithm;
  const aead = libraryAead(algorithm);
  return {
    algorithm,
    async seal(key, nonce, aad, plaintext) {
      checkSealInputs(algorithm, key, nonce);
      const context = aead.createEncryptionContext(copy(key));
      return guard(`${name}: encryption failed`, async () =>
        bytesOf(await context.seal(copy(nonce), copy(plaintext), copy(aad))),
      );
    },
    async open(key, nonce, aad, ciphertext) {
      checkOpenInputs(algorithm, key, nonce, ciphertext);
      const context = aead.createEncryptionContext(copy(key));
      return guard(`${name}: decryption failed`, async () =>
        bytesOf(await context.open(copy(nonce), copy(ciphertext), copy(aad))),
      );
    },
  };
}
