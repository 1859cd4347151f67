// RFC 9180 §7.1.4, RFC 9420 §5.1.1, RFC 7748, RFC 8032: the curves, and byte strings that are no key of theirs.
import { filled, hex } from "./assert.js";

/** P-256, P-384 or P-521, with uncompressed points as public keys and big-endian scalars as private ones. */
export interface NistCurve {
  /** Of a coordinate and of a scalar, in bytes. */
  readonly size: number;
  /** The number of points, big-endian. */
  readonly order: string;
  readonly generator: string;
  /** The y of the generator's negative. */
  readonly negatedY: string;
  /** A point on the curve whose x is so small that x + p fits in a coordinate too; and that encoding of it. */
  readonly smallX: string;
  readonly wideX: string;
}

const P256: NistCurve = {
  size: 32,
  order: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  generator:
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
  negatedY: "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a",
  smallX:
    "040000000000000000000000000000000000000000000000000000000000000005459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc",
  wideX:
    "04ffffffff00000001000000000000000000000001000000000000000000000004459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc",
};

const P384: NistCurve = {
  size: 48,
  order: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  generator:
    "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
  negatedY:
    "c9e821b569d9d390a26167406d6d23d6070be242d765eb831625ceec4a0f473ef59f4e30e2817e6285bce2846f15f1a0",
  smallX:
    "04000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000002732152442fb6ee5c3e6ce1d920c059bc623563814d79042b903ce60f1d4487fccd450a86da03f3e6ed525d02017bfdb3",
  wideX:
    "04fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff000000000000000100000001732152442fb6ee5c3e6ce1d920c059bc623563814d79042b903ce60f1d4487fccd450a86da03f3e6ed525d02017bfdb3",
};

const P521: NistCurve = {
  size: 66,
  order:
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  generator:
    "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
  negatedY:
    "00e7c6d6958765c43ffba375a04bd382e426670abbb6a864bb97e85042e8d8c199d368118d66a10bd9bf3aaf46fec052f89ecac38f795d8d3dbf77416b89602e99af",
  smallX:
    "040000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010010e59be93c4f269c0269c79e2afd65d6aeaa9b701eacc194fb3ee03df47849bf550ec636ebee0ddd4a16f1cd9406605af38f584567770e3f272d688c832e843564",
  wideX:
    "040200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010e59be93c4f269c0269c79e2afd65d6aeaa9b701eacc194fb3ee03df47849bf550ec636ebee0ddd4a16f1cd9406605af38f584567770e3f272d688c832e843564",
};

/** The curve of a KEM, by its id in RFC 9180 §7.1. */
export const KEM_CURVES: Readonly<Record<number, NistCurve>> = { 16: P256, 17: P384, 18: P521 };

/** The curve of a signature scheme, by its id in RFC 8446 §4.2.3. */
export const ECDSA_CURVES: Readonly<Record<number, NistCurve>> = { 1027: P256, 1283: P384, 1539: P521 };

/** Of the length of a public key, and not on the curve. */
export function offCurve({ size }: NistCurve, publicKey: Uint8Array): Uint8Array[] {
  const [x, y] = [publicKey.slice(1, 1 + size), publicKey.slice(1 + size)];
  const otherY = Uint8Array.from(publicKey);
  otherY[2 * size] = (otherY[2 * size] as number) ^ 1;
  const otherX = Uint8Array.from(publicKey);
  otherX[size] = (otherX[size] as number) ^ 1;
  const point = (first: Uint8Array, second: Uint8Array) => Uint8Array.of(4, ...first, ...second);
  const one = filled(size, 0);
  one[size - 1] = 1;
  return [otherY, otherX, point(y, x), point(x, filled(size, 0)), point(x, one), point(one, one)];
}

/** The neutral element, in whatever way it is written. */
export function infinity({ size }: NistCurve): Uint8Array[] {
  return [
    Uint8Array.of(0),
    filled(1 + 2 * size, 0),
    Uint8Array.of(4, ...filled(2 * size, 0)),
    Uint8Array.of(2, ...filled(size, 0)),
  ];
}

/** Points of the curve in encodings that aren't those of §5.1.1: compressed, hybrid, bare, not reduced. */
export function otherEncodings(curve: NistCurve, publicKey: Uint8Array): Uint8Array[] {
  const { size } = curve;
  const odd = (publicKey[2 * size] as number) & 1;
  const compressed = Uint8Array.of(2 + odd, ...publicKey.slice(1, 1 + size));
  const tagged = (tag: number) => Uint8Array.of(tag, ...publicKey.slice(1));
  return [
    compressed,
    ...[0, 1, 2 + odd, 5, 6 + odd, 7 - odd].map(tagged),
    publicKey.slice(1),
    hex(curve.wideX),
    Uint8Array.of(4, ...filled(2 * size, 0xff)),
  ];
}

/** Points of small order of Curve25519 and its twist, in all encodings: `dh` with them gives zero. */
const LOW_ORDER_25519 = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

/** 0, 1, p - 1, p and p + 1 on Curve448. */
const LOW_ORDER_448 = [
  "00".repeat(56),
  `01${"00".repeat(55)}`,
  `fe${"ff".repeat(27)}fe${"ff".repeat(27)}`,
  `${"ff".repeat(28)}fe${"ff".repeat(27)}`,
  `${"00".repeat(28)}${"ff".repeat(28)}`,
];

/** Public keys of X25519 (0x20) or X448 (0x21) with which the shared secret is zero. */
export function lowOrder(kemId: number): Uint8Array[] {
  if (kemId === 0x21) return LOW_ORDER_448.map(hex);
  const points = LOW_ORDER_25519.map(hex);
  // The topmost bit is ignored (RFC 7748 §5).
  const withTopBit = points.map((point) => {
    const copy = Uint8Array.from(point);
    copy[31] = (copy[31] as number) | 0x80;
    return copy;
  });
  return [...points, ...withTopBit];
}

/** Strings of the length of an EdDSA public key that are none, by the scheme's id. */
export const NO_EDWARDS_KEYS: Readonly<Record<number, Readonly<Record<string, readonly string[]>>>> = {
  // Ed25519
  2055: {
    "not on the curve": [`02${"00".repeat(31)}`, `02${"00".repeat(30)}80`],
    "of small order": [
      `01${"00".repeat(31)}`,
      `ec${"ff".repeat(30)}7f`,
      "00".repeat(32),
      `${"00".repeat(31)}80`,
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ],
    // p + 1 and p + 3, where y = 3 is on the curve; all ones
    "not reduced": [`ee${"ff".repeat(30)}7f`, `f0${"ff".repeat(30)}7f`, "ff".repeat(32)],
  },
  // Ed448
  2056: {
    "not on the curve": [`02${"00".repeat(56)}`],
    "of small order": [
      `01${"00".repeat(56)}`,
      `fe${"ff".repeat(27)}fe${"ff".repeat(27)}00`,
      "00".repeat(57),
      `${"00".repeat(56)}80`,
    ],
    // p, p + 3; a bit of the last byte that isn't the sign of x; all ones
    "not reduced": [
      `${"ff".repeat(28)}fe${"ff".repeat(27)}00`,
      `02${"00".repeat(27)}${"ff".repeat(28)}00`,
      `03${"00".repeat(55)}01`,
      "ff".repeat(57),
    ],
  },
};
