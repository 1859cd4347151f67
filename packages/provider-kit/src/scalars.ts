// RFC 9180 §7.1.3: which byte strings are private keys of the NIST curves.

/** The private keys of a NIST curve: the scalars from 1 to `order - 1`. */
export interface ScalarRange {
  /** The order of the curve's group, big-endian, `Nsk` bytes. */
  readonly order: Uint8Array;
  /** What the first byte of a candidate is masked with in `DeriveKeyPair`. */
  readonly bitmask: number;
}

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** 32 bytes; the order is that of FIPS 186-4 D.1.2.3 */
export const P256_SCALARS: ScalarRange = {
  order: /* @__PURE__ */ fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  bitmask: 0xff,
};

/** 48 bytes; FIPS 186-4 D.1.2.4 */
export const P384_SCALARS: ScalarRange = {
  order: /* @__PURE__ */ fromHex(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  ),
  bitmask: 0xff,
};

/** 66 bytes, of which the first has one bit; FIPS 186-4 D.1.2.5 */
export const P521_SCALARS: ScalarRange = {
  order: /* @__PURE__ */ fromHex(
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  ),
  bitmask: 0x01,
};

/** Whether `0 < scalar < order`, in a time that depends on the lengths alone. */
export function isScalar(scalar: Uint8Array, { order }: ScalarRange): boolean {
  if (scalar.length !== order.length) return false;
  let borrow = 0;
  let union = 0;
  for (let i = scalar.length - 1; i >= 0; i--) {
    const digit = scalar[i] as number;
    union |= digit;
    borrow = ((digit - (order[i] as number) - borrow) >> 8) & 1;
  }
  return (borrow & Number(union !== 0)) === 1;
}
