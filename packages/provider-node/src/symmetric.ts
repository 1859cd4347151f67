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
  const mac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
    ownBytes(createHmac(name, key).update(data).digest());
  return {
    algorithm,
    hash,
    hashAll: (data) => data.map(hash),
    mac: oneShot ? shortMac(algorithm, hash, mac) : mac,
  };
}

/** An HKDF input of MLS or HPKE fits. */
const SHORT = 512;

/**
 * HMAC (RFC 2104), for a short key and short data as two calls of the hash: node's object for an HMAC takes longer, most of
 * all to be collected as garbage (docs/decisions/short-macs-on-node.md).
 * @param long computes all others
 */
function shortMac(
  { Nh }: HashAlgorithm,
  hash: (data: Uint8Array) => Uint8Array,
  long: (key: Uint8Array, data: Uint8Array) => Uint8Array,
): (key: Uint8Array, data: Uint8Array) => Uint8Array {
  // FIPS 180-4: a block of SHA-256 has 64 bytes, one of SHA-384 and SHA-512 has 128.
  const block = Nh > 32 ? 128 : 64;
  // Working buffers. All of their bytes are zero between calls.
  const inner = new Uint8Array(block + SHORT);
  const outer = new Uint8Array(block + Nh);
  return (key, data) => {
    if (key.length > block || data.length > SHORT) return long(key, data);
    const end = block + data.length;
    for (let i = 0; i < block; i++) {
      const byte = i < key.length ? (key[i] as number) : 0;
      inner[i] = byte ^ 0x36;
      outer[i] = byte ^ 0x5c;
    }
    inner.set(data, block);
    const digest = hash(inner.subarray(0, end));
    outer.set(digest, block);
    const mac = hash(outer);
    digest.fill(0);
    inner.fill(0, 0, end);
    outer.fill(0);
    return mac;
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
