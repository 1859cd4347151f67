// FIPS 203 §7.2, draft-ietf-hpke-pq: what the KEMs with ML-KEM need, and libraries leave to their callers.
import { ascii, concat, type KemAlgorithm } from "@copse/core/provider";

/** Sizes of a public key of ML-KEM-512, -768 and -1024: 12 bits for each of 256 k coefficients, and a seed. */
const SIZES: readonly number[] = [800, 1184, 1568];

/** Modulus check: whether it has the size of a public key, and all coefficients are below 3329. */
export function isMlKemPublicKey(publicKey: Uint8Array): boolean {
  if (!SIZES.includes(publicKey.length)) return false;
  for (let at = 0; at < publicKey.length - 32; at += 3) {
    const [a, b, c] = [publicKey[at] as number, publicKey[at + 1] as number, publicKey[at + 2] as number];
    if ((a | ((b & 0x0f) << 8)) >= 3329 || ((b >> 4) | (c << 4)) >= 3329) return false;
  }
  return true;
}

const HPKE_V1_KEM = /* @__PURE__ */ ascii("HPKE-v1KEM");
const DERIVE_KEY_PAIR = /* @__PURE__ */ ascii("DeriveKeyPair");

/** `I2OSP(value, 2)` */
const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);

/**
 * What `DeriveKeyPair` of draft-ietf-hpke-pq hashes: SHAKE256 of this gives the private key's `Nsk` bytes, which
 * are a seed. Secret, as `ikm` is: the caller overwrites it.
 */
export function pqDeriveInput({ id, Nsk }: KemAlgorithm, ikm: Uint8Array): Uint8Array {
  return concat(ikm, HPKE_V1_KEM, uint16(id), uint16(DERIVE_KEY_PAIR.length), DERIVE_KEY_PAIR, uint16(Nsk));
}
