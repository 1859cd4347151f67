// RFC 9420 §5.1.1, §5.1.2, FIPS 186-5 §6.4.2: which byte strings may be public keys and signatures of ECDSA.
import { P256_SCALARS, P384_SCALARS, P521_SCALARS, type ScalarRange } from "../scalars.js";
import { fromDer } from "./der.js";
import type { SignatureRules } from "./edwards.js";

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** Whether the `limit.length` bytes from `start` are a big-endian number below `limit`. */
function isBelow(bytes: Uint8Array, start: number, limit: Uint8Array): boolean {
  for (let i = 0; i < limit.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte !== limit[i]) return byte < (limit[i] as number);
  }
  return false;
}

/**
 * An uncompressed point with both coordinates below the prime `p`; and a signature in DER with r and s from 1 to
 * `order - 1`. Of s and its negative both are valid: RFC 8446 doesn't ask for the smaller one.
 */
function rulesOf({ order }: ScalarRange, p: Uint8Array): SignatureRules {
  const size = p.length;
  return {
    isKey: (publicKey) =>
      publicKey.length === 1 + 2 * size &&
      publicKey[0] === 0x04 &&
      isBelow(publicKey, 1, p) &&
      isBelow(publicKey, 1 + size, p),
    isSignature(signature) {
      // Both numbers are above zero.
      const rs = fromDer(signature, size);
      return rs !== undefined && isBelow(rs, 0, order) && isBelow(rs, size, order);
    },
  };
}

export const P256_RULES: SignatureRules = /* @__PURE__ */ rulesOf(
  P256_SCALARS,
  /* @__PURE__ */ fromHex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
);
export const P384_RULES: SignatureRules = /* @__PURE__ */ rulesOf(
  P384_SCALARS,
  /* @__PURE__ */ fromHex(
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
  ),
);
export const P521_RULES: SignatureRules = /* @__PURE__ */ rulesOf(
  P521_SCALARS,
  /* @__PURE__ */ fromHex(`01${"ff".repeat(65)}`),
);
