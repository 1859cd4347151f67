// RFC 9420 §5.1: hash, HMAC and AEAD by node:crypto.
import * as crypto from "node:crypto";
import { type CipherGCMTypes, createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import {
  type AeadAlgorithm,
  type AeadPart,
  type HashAlgorithm,
  type HashPart,
  secretBytes,
} from "@copse/core/provider";
import {
  checkOpenInputs,
  checkSealInputs,
  guardSync,
  type HmacPrimitive,
  ownBytes,
} from "@copse/provider-kit";

/** OpenSSL's name of a hash: `sha256` for `SHA-256` */
export const hashName = ({ name }: HashAlgorithm): string => name.replace("-", "").toLowerCase();

/** Takes about 0.6 of createHash's time for small inputs; not all that imitate Node have it. */
const oneShot = (crypto as Partial<typeof crypto>).hash;

/** Hash and HMAC by OpenSSL, synchronous. */
export function hashPart(algorithm: HashAlgorithm): HashPart & HmacPrimitive {
  const name = hashName(algorithm);
  const hash = oneShot
    ? (data: Uint8Array): Uint8Array => ownBytes(oneShot(name, data, "buffer"))
    : (data: Uint8Array): Uint8Array => ownBytes(createHash(name).update(data).digest());
  const mac = (key: Uint8Array, data: Uint8Array) => ownBytes(createHmac(name, key).update(data).digest());
  return {
    algorithm,
    hash,
    hashAll: (data) => data.map(hash),
    mac,
    ...(oneShot && byHashes(algorithm, oneShot, mac)),
  };
}

const IPAD = 0x36;
const OPAD = 0x5c;
/** As long as an input of HKDF in MLS. */
const SHORT = 512;

/**
 * HMACs (RFC 2104) under a secret key, each by two hashes. createHmac takes longer: it makes an object that the garbage
 * collector must release, and OpenSSL 3.0 looks the hash up each time.
 *
 * The first hash of the two passes through a string, which can't be overwritten. Without the key nobody learns anything
 * by it. So `mac`, whose key may be a salt that everybody knows, isn't made like this.
 * @returns nothing where a runtime that imitates Node has another kind of string
 */
function byHashes(
  algorithm: HashAlgorithm,
  hash: typeof oneShot & {},
  mac: (key: Uint8Array, data: Uint8Array) => Uint8Array,
): Pick<HmacPrimitive, "macAll"> {
  const { Nh } = algorithm;
  const name = hashName(algorithm);
  /** The size of a block of the hash (FIPS 180-4). */
  const size = Nh > 32 ? 128 : 64;
  // Each begins with a block of the key; then come the data, and the first hash. All zeros between two calls.
  const [inner, outer] = [secretBytes(size + SHORT), secretBytes(size + Nh)];
  const macAll = (key: Uint8Array, all: readonly Uint8Array[]): Uint8Array[] => {
    if (key.length > size || all.some(({ length }) => length > SHORT))
      return all.map((data) => mac(key, data));
    try {
      for (let i = 0; i < size; i++) {
        const byte = key[i] ?? 0;
        inner[i] = byte ^ IPAD;
        outer[i] = byte ^ OPAD;
      }
      return all.map((data) => {
        inner.set(data, size);
        const first = hash(name, inner.subarray(0, size + data.length), "binary");
        for (let i = 0; i < Nh; i++) outer[size + i] = first.charCodeAt(i);
        return ownBytes(hash(name, outer, "buffer"));
      });
    } finally {
      inner.fill(0);
      outer.fill(0);
    }
  };
  const trial = new Uint8Array(Nh).fill(1);
  const [one] = macAll(trial, [trial]) as [Uint8Array];
  return Buffer.compare(one, mac(trial, trial)) === 0 ? { macAll } : {};
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
