// RFC 9180 §7.1.4, SP 800-56A §5.6.2.3.3: which byte strings are public keys of the NIST curves. Some platforms import any
// coordinates. Works on public values, so its time may depend on them.

/** `y² = x³ - 3x + b` modulo `p`. The order of the group is prime, so that each point of the curve is a public key. */
interface NistCurve {
  /** Of a coordinate, in bytes. */
  readonly size: number;
  readonly p: bigint;
  readonly b: bigint;
}

// Functions, so that the numbers are made on use alone. Not `**`, which tools for React Native turn into Math.pow.
const p256 = (): NistCurve => ({
  size: 32,
  p: (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
});
const p384 = (): NistCurve => ({
  size: 48,
  p: (1n << 384n) - (1n << 128n) - (1n << 96n) + (1n << 32n) - 1n,
  b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
});
const p521 = (): NistCurve => ({
  size: 66,
  p: (1n << 521n) - 1n,
  b: 0x51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
});

function numberFrom(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function isPoint(publicKey: Uint8Array, { size, p, b }: NistCurve): boolean {
  if (publicKey.length !== 1 + 2 * size || publicKey[0] !== 0x04) return false;
  const x = numberFrom(publicKey.subarray(1, 1 + size));
  const y = numberFrom(publicKey.subarray(1 + size));
  return x < p && y < p && (x * x * x - 3n * x + b - y * y) % p === 0n;
}

/** Whether these bytes are a public key of P-256: an uncompressed point of the curve, 65 bytes. */
export const isP256PublicKey = (publicKey: Uint8Array): boolean => isPoint(publicKey, p256());
/** Whether these bytes are a public key of P-384: an uncompressed point of the curve, 97 bytes. */
export const isP384PublicKey = (publicKey: Uint8Array): boolean => isPoint(publicKey, p384());
/** Whether these bytes are a public key of P-521: an uncompressed point of the curve, 133 bytes. */
export const isP521PublicKey = (publicKey: Uint8Array): boolean => isPoint(publicKey, p521());
