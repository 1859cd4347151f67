// RFC 9420 §5.1: hash, HMAC and AEAD by node:crypto.
import * as crypto from "node:crypto";
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import type { AeadAlgorithm, AeadPart, HashAlgorithm, HashPart } from "@copse/core/provider";
import { checkOpenInputs, checkSealInputs, guardSync, ownBytes } from "@copse/provider-kit";

/** OpenSSL's name of a hash: `sha256` for `SHA-256` */
export const hashName = ({ name }: HashAlgorithm): string => name.replace("-", "").toLowerCase();

/** Takes about 0.6 of createHash's time for small inputs; not all that imitate Node have it. */
const oneShot = (crypto as Partial<typeof crypto>).hash;

/** Hash and HMAC by OpenSSL, synchronous. */
export function hashPart(algorithm: HashAlgorithm): HashPart {
  const name = hashName(algorithm);
  const hash = oneShot
    ? (data: Uint8Array): Uint8Array => ownBytes(oneShot(name, data, "buffer"))
    : (data: Uint8Array): Uint8Array => ownBytes(createHash(name).update(data).digest());
  return {
    algorithm,
    hash,
    hashAll: (data) => data.map(hash),
    mac: (key, data) => ownBytes(createHmac(name, key).update(data).digest()),
  };
}

/** OpenSSL's name of an AEAD: `aes-128-gcm`, `chacha20-poly1305` */
export const aeadName = ({ name }: AeadAlgorithm): string =>
  name === "ChaCha20Poly1305" ? "chacha20-poly1305" : name.toLowerCase();

export function aeadPart(algorithm: AeadAlgorithm): AeadPart {
  const { Nt, name } = algorithm;
  // The types know ChaCha20-Poly1305 by another overload of the same functions.
  const cipherName = aeadName(algorithm) as CipherGCMTypes;
  const options = { authTagLength: Nt };
  return {
    algorithm,
    seal(key, nonce, aad, plaintext) {
      checkSealInputs(algorithm, key, nonce);
      return guardSync(`${name}: encryption failed`, () => {
        const cipher = createCipheriv(cipherName, key, nonce, options);
        cipher.setAAD(aad);
        const sealed = new Uint8Array(plaintext.length + Nt);
        sealed.set(cipher.update(plaintext));
        cipher.final();
        sealed.set(cipher.getAuthTag(), plaintext.length);
        return sealed;
      });
    },
    open(key, nonce, aad, ciphertext) {
      checkOpenInputs(algorithm, key, nonce, ciphertext);
      const length = ciphertext.length - Nt;
      return guardSync(`${name}: decryption failed`, () => {
        const decipher = createDecipheriv(cipherName, key, nonce, options);
        decipher.setAAD(aad);
        decipher.setAuthTag(ciphertext.subarray(length));
        const plaintext = decipher.update(ciphertext.subarray(0, length));
        try {
          decipher.final();
        } catch (error) {
          plaintext.fill(0);
          throw error;
        }
        return ownBytes(plaintext);
      });
    },
  };
}
