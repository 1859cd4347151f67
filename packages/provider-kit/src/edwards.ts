// RFC 8032 §5.1.3, §5.2.3: which byte strings are public keys of Ed25519 and Ed448. Many libraries accept any
// bytes and fail only when they verify. Works on public values, so its time may depend on them.

interface EdwardsCurve {
  /** The field's prime. */
  readonly p: bigint;
  /** `a x² + y² = 1 + d x² y²` */
  readonly a: bigint;
  readonly d: bigint;
  /** Size of an encoded point in bytes. */
  readonly size: number;
}

// Computed on first use: not everyone who loads the kit verifies signatures.
let curve25519: EdwardsCurve | undefined;
let curve448: EdwardsCurve | undefined;

/**
 * Whether 32 bytes are an Ed25519 public key: the canonical encoding of a point on the curve that has
 * not a small order (under such a key one signature may fit many messages).
 */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  curve25519 ??= {
    p: (1n << 255n) - 19n,
    a: -1n,
    d: 37095705934669439343138083508754565189542113879843219016388785533085940283555n,
    size: 32,
  };
  return isPublicKey(publicKey, curve25519);
}

/** Whether 57 bytes are an Ed448 public key, as {@link isEd25519PublicKey} has it for Ed25519. */
export function isEd448PublicKey(publicKey: Uint8Array): boolean {
  curve448 ??= { p: (1n << 448n) - (1n << 224n) - 1n, a: 1n, d: -39081n, size: 57 };
  return isPublicKey(publicKey, curve448);
}

function isPublicKey(publicKey: Uint8Array, { p, a, d, size }: EdwardsCurve): boolean {
  if (publicKey.length !== size) return false;
  // The encoding is y in little-endian order, with the sign of x in the topmost bit; so y must be less.
  let y = 0n;
  for (let i = size - 1; i >= 0; i--) {
    const byte = publicKey[i] as number;
    y = (y << 8n) | BigInt(i === size - 1 ? byte & 0x7f : byte);
  }
  if (y >= p) return false;

  const mod = (value: bigint) => ((value % p) + p) % p;
  const y2 = mod(y * y);
  // x² = u / v, so there is such an x if u v is a square; v is never 0, as d is not a square times a.
  const u = mod(1n - y2);
  const v = mod(a - d * y2);
  // Orders 1 and 2 have x = 0, order 4 has y = 0, and order 8 (which only Ed25519 has, and where the
  // double of the point has y = 0) is where d y⁴ - 2 a y² + a = 0.
  if (u === 0n || y === 0n || mod(d * y2 * y2 - 2n * a * y2 + a) === 0n) return false;
  return power(mod(u * v), (p - 1n) / 2n, p) === 1n;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let bit = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * bit) % modulus;
    bit = (bit * bit) % modulus;
  }
  return result;
}
