// RFC 8032 §5.1.7, §5.2.7: the equation of EdDSA over a library's points.
//
// RFC 8032 lets a verifier multiply both sides by the cofactor or not, and a signature can be made that only one of the
// two accepts. For Ed25519 OpenSSL and libsodium don't multiply, and most libraries in JavaScript do; for Ed448 all do.
// So a library that multiplies gives only its points, and the equation stands here.
import { equalBytes } from "@copse/core/provider";

/** What this needs of a library's points. */
export interface EdwardsPoint<P> {
  multiplyUnsafe(scalar: bigint): P;
  subtract(other: P): P;
  clearCofactor(): P;
  is0(): boolean;
  toBytes(): Uint8Array;
}

export interface EdwardsEquation<P> {
  readonly base: P;
  /** Of the large group. */
  readonly order: bigint;
  /** The point of an encoded public key. @throws if there is none */
  decode(bytes: Uint8Array): P;
  /** `H(dom || R || A || M)` of RFC 8032 */
  hash(R: Uint8Array, A: Uint8Array, message: Uint8Array): Uint8Array;
  /** Decodes R to multiply both sides by the cofactor. Without it nothing is multiplied. */
  decodeR?(bytes: Uint8Array): P;
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let hex = "0x";
  for (let i = bytes.length - 1; i >= 0; i--) hex += (bytes[i] as number).toString(16).padStart(2, "0");
  return BigInt(hex);
}

/**
 * Whether a signature fits: `R = S B - k A`, compared as bytes, or with the cofactor. The kit's
 * rules on A, R and S come before it: see `strictSignature`.
 */
export function fitsEdwards<P extends EdwardsPoint<P>>(
  { base, order, decode, hash, decodeR }: EdwardsEquation<P>,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const half = signature.length >> 1;
  const R = signature.subarray(0, half);
  try {
    const A = decode(publicKey);
    const k = fromLittleEndian(hash(R, publicKey, message)) % order;
    const S = fromLittleEndian(signature.subarray(half));
    const expected = base.multiplyUnsafe(S).subtract(A.multiplyUnsafe(k));
    if (equalBytes(expected.toBytes(), R)) return true;
    return decodeR !== undefined && expected.subtract(decodeR(R)).clearCofactor().is0();
  } catch {
    return false;
  }
}
