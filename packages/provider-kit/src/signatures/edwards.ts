// RFC 8032 §5.1, §5.2: which byte strings may be public keys and signatures of Ed25519 and Ed448. Libraries differ in
// what they accept beyond honest signatures, and members of one group must not. Works on public values, so its time
// may depend on them.

/** A curve, and what is compared with byte strings: all little-endian, of `size` bytes. */
interface EdwardsCurve {
  /** Of an encoded point and of S. */
  readonly size: number;
  /** `a x² + y² = 1 + d x² y²` modulo `p` */
  readonly prime: bigint;
  readonly a: bigint;
  readonly d: bigint;
  /** A canonical y is below `p`. */
  readonly p: Uint8Array;
  /** The order of the large group: S is below. */
  readonly order: Uint8Array;
  /** The y of all points of small order. Their x doesn't matter: its sign is left out of the comparison. */
  readonly smallOrder: readonly Uint8Array[];
}

/** In the last byte of an encoded point the topmost bit is the sign of x. */
const Y_MASK = 0x7f;

function littleEndian(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function curveOf(
  size: number,
  prime: bigint,
  order: bigint,
  [a, d]: readonly [bigint, bigint],
  order8?: bigint,
): EdwardsCurve {
  const bytes = (value: bigint) => littleEndian(value, size);
  // Order 1 and 2: x = 0 and y = ±1. Order 4: y = 0. Order 8, of Ed25519 alone: the doubled point has y = 0.
  const small = [1n, prime - 1n, 0n, ...(order8 === undefined ? [] : [order8, prime - order8])];
  return { size, prime, a, d, p: bytes(prime), order: bytes(order), smallOrder: small.map(bytes) };
}

// Made on first use: not everyone who loads the kit verifies signatures. Not `**`, which tools for React Native turn
// into Math.pow.
let curve25519: EdwardsCurve | undefined;
let curve448: EdwardsCurve | undefined;

function ed25519(): EdwardsCurve {
  curve25519 ??= curveOf(
    32,
    (1n << 255n) - 19n,
    (1n << 252n) + 27742317777372353535851937790883648493n,
    [-1n, 37095705934669439343138083508754565189542113879843219016388785533085940283555n],
    2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  );
  return curve25519;
}

function ed448(): EdwardsCurve {
  curve448 ??= curveOf(
    57,
    (1n << 448n) - (1n << 224n) - 1n,
    (1n << 446n) - 13818066809895115352007386748515426880336692474882178609894547503885n,
    [1n, -39081n],
  );
  return curve448;
}

/** Whether the `limit.length` bytes from `start` are a little-endian number below `limit`. */
function isBelow(bytes: Uint8Array, start: number, limit: Uint8Array, topMask: number): boolean {
  let mask = topMask;
  for (let i = limit.length - 1; i >= 0; i--) {
    const byte = (bytes[start + i] as number) & mask;
    if (byte !== limit[i]) return byte < (limit[i] as number);
    mask = 0xff;
  }
  return false;
}

/** Whether the bytes are the canonical encoding of a y that no point of small order has. Not whether any point has it. */
function isStrictY(bytes: Uint8Array, { size, p, smallOrder }: EdwardsCurve): boolean {
  if (!isBelow(bytes, 0, p, Y_MASK)) return false;
  const last = size - 1;
  for (const y of smallOrder) {
    let i = 0;
    while (i < last && bytes[i] === y[i]) i++;
    if (i === last && ((bytes[last] as number) & Y_MASK) === y[last]) return false;
  }
  return true;
}

/** What can be told from the bytes alone, of a public key and of a signature. */
export interface SignatureRules {
  /** Whether these bytes may be a public key. That the point is on the curve is up to the library. */
  isKey(publicKey: Uint8Array): boolean;
  /** Whether these bytes may be a signature. */
  isSignature(signature: Uint8Array): boolean;
}

const rulesOf = (curve: () => EdwardsCurve): SignatureRules => ({
  isKey(publicKey) {
    const { size } = curve();
    return publicKey.length === size && isStrictY(publicKey, curve());
  },
  isSignature(signature) {
    const { size, order } = curve();
    if (signature.length !== 2 * size) return false;
    return isBelow(signature, size, order, 0xff) && isStrictY(signature, curve());
  },
});

/** A and R canonical and not of small order, and S below the order. */
export const ED25519_RULES: SignatureRules = /* @__PURE__ */ rulesOf(ed25519);
/** The same for Ed448. */
export const ED448_RULES: SignatureRules = /* @__PURE__ */ rulesOf(ed448);

/**
 * Whether 32 bytes are an Ed25519 public key: the canonical encoding of a point on the curve whose order is not small
 * (under such a key one signature may fit many messages). The point may have a small part beside that of the large
 * group: such keys are refused by nobody. For libraries that accept any bytes and fail only when they verify.
 */
export function isEd25519PublicKey(publicKey: Uint8Array): boolean {
  return ED25519_RULES.isKey(publicKey) && isOnCurve(publicKey, ed25519());
}

/** Whether 57 bytes are an Ed448 public key, as {@link isEd25519PublicKey} has it for Ed25519. */
export function isEd448PublicKey(publicKey: Uint8Array): boolean {
  return ED448_RULES.isKey(publicKey) && isOnCurve(publicKey, ed448());
}

/** Whether some x belongs to a canonical y. */
function isOnCurve(encoded: Uint8Array, { prime, a, d, size }: EdwardsCurve): boolean {
  let y = 0n;
  for (let i = size - 1; i >= 0; i--) {
    const byte = encoded[i] as number;
    y = (y << 8n) | BigInt(i === size - 1 ? byte & Y_MASK : byte);
  }
  const mod = (value: bigint) => ((value % prime) + prime) % prime;
  const y2 = mod(y * y);
  // x² = u / v, so there is such an x if u v is a square; v is never 0, as d is not a square times a.
  return power(mod((1n - y2) * (a - d * y2)), (prime - 1n) >> 1n, prime) === 1n;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let bit = base, rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * bit) % modulus;
    bit = (bit * bit) % modulus;
  }
  return result;
}
