// FIPS 203 §7.2: public keys of ML-KEM, told from other bytes, as most libraries leave to their callers.

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
