// RFC 9180 §7.3: AES-GCM by the platform, and ChaCha20-Poly1305, which no platform has, by `@hpke/chacha20poly1305`.
import { type AeadAlgorithm, type AeadPart, CHACHA20_POLY1305 } from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guard } from "@copse/provider-kit";
import { source } from "./bytes.js";
import { libraryChaCha20Poly1305 } from "./libraries.js";

/** AES-128-GCM or AES-256-GCM by the platform. MLS uses each key once, so imported keys are not cached. */
export function aesGcm(subtle: SubtleCrypto, algorithm: AeadAlgorithm): AeadPart {
  const { Nt } = algorithm;
  const parameters = (nonce: Uint8Array, aad: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: source(nonce),
    tagLength: 8 * Nt,
    // Some platforms refuse empty additionalData. Leaving it out means the same.
    ...(aad.length > 0 ? { additionalData: source(aad) } : {}),
  });
  return checked(algorithm, {
    async seal(key, nonce, aad, plaintext) {
      const imported = await subtle.importKey("raw", source(key), "AES-GCM", false, ["encrypt"]);
      return new Uint8Array(await subtle.encrypt(parameters(nonce, aad), imported, source(plaintext)));
    },
    async open(key, nonce, aad, ciphertext) {
      const imported = await subtle.importKey("raw", source(key), "AES-GCM", false, ["decrypt"]);
      return new Uint8Array(await subtle.decrypt(parameters(nonce, aad), imported, source(ciphertext)));
    },
  });
}

/** ChaCha20-Poly1305, which no platform has. */
export const chacha20Poly1305 = (): AeadPart => checked(CHACHA20_POLY1305, libraryChaCha20Poly1305());

/** Adds what the implementations leave out: checks of the key's and the nonce's size, and CryptoErrors. */
function checked(algorithm: AeadAlgorithm, aead: Pick<AeadPart, "seal" | "open">): AeadPart {
  const { name } = algorithm;
  return {
    algorithm,
    seal(key, nonce, aad, plaintext) {
      checkSealInputs(algorithm, key, nonce);
      return guard(`${name}: encryption failed`, () => aead.seal(key, nonce, aad, plaintext));
    },
    open(key, nonce, aad, ciphertext) {
      checkOpenInputs(algorithm, key, nonce, ciphertext);
      return guard(`${name}: decryption failed`, () => aead.open(key, nonce, aad, ciphertext));
    },
  };
}
