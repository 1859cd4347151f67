// RFC 9420 §5.1.2, SEC 1: edge cases of ECDSA, by noble's points. Keys are computed from signatures where a signature
// must have a certain r or s: Q = (s R - e G) / r.
import type { ECDSA, WeierstrassPoint } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { concatBytes, numberToBytesBE } from "@noble/curves/utils.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { Cases } from "./cases.js";

/** A curve of ECDSA with its hash. */
interface Scheme {
  readonly curve: ECDSA;
  hash(data: Uint8Array): Uint8Array;
}

export const p256Cases = (): Cases => new Maker({ curve: p256, hash: (data) => sha256(data) }).make();
export const p384Cases = (): Cases => new Maker({ curve: p384, hash: (data) => sha384(data) }).make();
export const p521Cases = (): Cases => new Maker({ curve: p521, hash: (data) => sha512(data) }).make();

type Point = WeierstrassPoint<bigint>;

const MESSAGE = Uint8Array.of(1, 2, 3);
const SECRET = 0x5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eedn;

/** Tag, length and content; `form` adds bytes to the length. */
function tlv(tag: number, content: Uint8Array, form = 0): Uint8Array {
  const { length } = content;
  if (length >= 0x80 || form > 0) {
    const digits = numberToBytesBE(length, Math.max(1, form));
    return concatBytes(Uint8Array.of(tag, 0x80 | digits.length), digits, content);
  }
  return concatBytes(Uint8Array.of(tag, length), content);
}

/** The content of an INTEGER that isn't negative. */
function digits(value: bigint): Uint8Array {
  let size = 1;
  while (value >> BigInt(8 * size - 1) > 0n) size++;
  return numberToBytesBE(value, size);
}

const integer = (value: bigint): Uint8Array => tlv(2, digits(value));
const der = (r: bigint, s: bigint): Uint8Array => tlv(0x30, concatBytes(integer(r), integer(s)));

class Maker {
  private readonly cases = new Cases();
  private readonly base: Point;
  private readonly n: bigint;
  private readonly p: bigint;
  /** Of a coordinate, in bytes. */
  private readonly size: number;

  constructor(private readonly scheme: Scheme) {
    const { Point } = scheme.curve;
    this.base = Point.BASE;
    this.n = Point.Fn.ORDER;
    this.p = Point.Fp.ORDER;
    this.size = Point.Fp.BYTES;
  }

  make(): Cases {
    this.keys();
    this.numbers();
    this.encodings();
    this.chosen();
    return this.cases;
  }

  private mod(value: bigint): bigint {
    return ((value % this.n) + this.n) % this.n;
  }

  private invert(value: bigint): bigint {
    return this.scheme.curve.Point.Fn.inv(this.mod(value));
  }

  /** The hash of the message as a number (all hashes here are as long as the order, or shorter). */
  private e(): bigint {
    return BigInt(`0x${Buffer.from(this.scheme.hash(MESSAGE)).toString("hex")}`) % this.n;
  }

  private times(point: Point, scalar: bigint): Point {
    return point.multiplyUnsafe(this.mod(scalar));
  }

  /** The signature by {@link SECRET} with a nonce. */
  private sign(nonce: bigint): { r: bigint; s: bigint } {
    const r = this.times(this.base, nonce).toAffine().x % this.n;
    return { r, s: this.mod(this.invert(nonce) * (this.e() + r * SECRET)) };
  }

  private publicKey(): Uint8Array {
    return this.times(this.base, SECRET).toBytes(false);
  }

  private affine(x: bigint, y: bigint, tag = 4): Uint8Array {
    return concatBytes(Uint8Array.of(tag), numberToBytesBE(x, this.size), numberToBytesBE(y, this.size));
  }

  private coordinate(fits: (x: bigint, y: bigint) => boolean, from: bigint): Point {
    const { Point } = this.scheme.curve;
    for (let x = from; ; x++) {
      try {
        const point = Point.fromBytes(concatBytes(Uint8Array.of(2), numberToBytesBE(x, this.size)));
        if (fits(x, point.toAffine().y)) return point;
      } catch {
        // no point has this x
      }
    }
  }

  private keys(): void {
    const { cases, size, p } = this;
    const key = this.publicKey();
    const { x, y } = this.times(this.base, SECRET).toAffine();
    const odd = Number(y & 1n);
    cases.key(true, "a point", key);
    cases.key(true, "its negative", this.affine(x, p - y));
    cases.key(true, "the base point", this.base.toBytes(false));
    cases.key(false, "compressed", this.times(this.base, SECRET).toBytes(true));
    cases.key(false, "hybrid", this.affine(x, y, 6 + odd));
    cases.key(false, "hybrid with the other sign", this.affine(x, y, 7 - odd));
    for (const tag of [0, 1, 2, 3, 5, 0x84]) cases.key(false, `tag ${tag}`, this.affine(x, y, tag));
    cases.key(false, "infinity", Uint8Array.of(0));
    cases.key(false, "zeros", new Uint8Array(1 + 2 * size));
    cases.key(false, "x and y are 0", this.affine(0n, 0n));
    cases.key(false, "y is off by one", this.affine(x, y + 1n));
    cases.key(false, "x and y are exchanged", this.affine(y, x));
    cases.key(false, "y is 0", this.affine(x, 0n));
    const small = this.coordinate(() => true, 0n).toAffine();
    cases.key(true, "the smallest x", this.affine(small.x, small.y));
    const end = 1n << BigInt(8 * size);
    if (small.x + p < end) cases.key(false, "x isn't reduced", this.affine(small.x + p, small.y));
    cases.key(false, "x is p", this.affine(p, small.y));
    cases.key(false, "y is p", this.affine(small.x, p));
    cases.key(false, "all ones", Uint8Array.of(4, ...new Uint8Array(2 * size).fill(0xff)));
    if (y + p < end) cases.key(false, "y isn't reduced", this.affine(x, y + p));
    for (const length of [0, 1, size, 2 * size, 2 * size + 2]) {
      cases.key(false, `${length} bytes`, concatBytes(key, new Uint8Array(1)).slice(0, length));
    }
  }

  private numbers(): void {
    const { cases, n } = this;
    const key = this.publicKey();
    const { r, s } = this.sign(0x0ddn);
    cases.signature(true, "an ordinary signature", key, MESSAGE, der(r, s));
    cases.signature(true, "s is negated", key, MESSAGE, der(r, n - s));
    for (const [name, one, other] of [
      ["r and s are 0", 0n, 0n],
      ["r is 0", 0n, s],
      ["s is 0", r, 0n],
      ["r is the order", n, s],
      ["s is the order", r, n],
      ["r and s are the order", n, n],
      ["the order is added to r", r + n, s],
      ["the order is added to s", r, s + n],
      ["the order is added twice to s", r, s + 2n * n],
      ["r is p", this.p, s],
      ["r and s are exchanged", s, r],
      ["r is much too long", r + (n << BigInt(8 * this.size)), s],
    ] as const) {
      cases.signature(false, name, key, MESSAGE, der(one, other));
    }
  }

  private encodings(): void {
    const { size } = this;
    const key = this.publicKey();
    const { r, s } = this.sign(0x0ddn);
    const [R, S] = [integer(r), integer(s)];
    const both = concatBytes(R, S);
    const value = der(r, s);
    const raw = (number: bigint) => numberToBytesBE(number, size);
    const zero = Uint8Array.of(0);
    const padded = (number: bigint) => tlv(2, concatBytes(zero, digits(number)));
    const flipped = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte) => byte ^ 0xff);
    const refused: [string, Uint8Array][] = [
      ["no bytes", new Uint8Array(0)],
      ["r and s without DER", concatBytes(raw(r), raw(s))],
      ["no sequence", both],
      ["a byte after the sequence", concatBytes(value, zero)],
      ["a byte after s", tlv(0x30, concatBytes(both, zero))],
      ["a NULL after s", tlv(0x30, concatBytes(both, Uint8Array.of(5, 0)))],
      ["three numbers", tlv(0x30, concatBytes(both, integer(1n)))],
      ["r alone", tlv(0x30, R)],
      ["an empty sequence", Uint8Array.of(0x30, 0)],
      ["a set", tlv(0x31, both)],
      ["a primitive sequence", tlv(0x10, both)],
      ["r is an octet string", tlv(0x30, concatBytes(tlv(4, digits(r)), S))],
      ["r is empty", tlv(0x30, concatBytes(Uint8Array.of(2, 0), S))],
      ["s is empty", tlv(0x30, concatBytes(R, Uint8Array.of(2, 0)))],
      ["r with a zero before it", tlv(0x30, concatBytes(padded(r), S))],
      ["s with a zero before it", tlv(0x30, concatBytes(R, padded(s)))],
      ["r is negative", tlv(0x30, concatBytes(tlv(2, Uint8Array.of(0xff, ...flipped(raw(r - 1n)))), S))],
      ["an indefinite length", concatBytes(Uint8Array.of(0x30, 0x80), both, Uint8Array.of(0, 0))],
      ["a length of four bytes", tlv(0x30, both, 4)],
      ["a length of r in the long form", tlv(0x30, concatBytes(tlv(2, digits(r), 1), S))],
      ["a length of s in two bytes", tlv(0x30, concatBytes(R, tlv(2, digits(s), 2)))],
      ["the sequence is cut", value.slice(0, -1)],
      ["the sequence twice", concatBytes(value, value)],
      [
        "a length too small by one",
        Uint8Array.from(value, (byte, i) => (i === lengthAt(value) ? byte - 1 : byte)),
      ],
      [
        "a length too large by one",
        Uint8Array.from(value, (byte, i) => (i === lengthAt(value) ? byte + 1 : byte)),
      ],
    ];
    refused.push([
      "a length in too long a form",
      both.length < 0x80 ? tlv(0x30, both, 1) : tlv(0x30, both, 2),
    ]);
    for (const [name, bad] of refused) this.cases.signature(false, name, key, MESSAGE, bad);
    // r or s with their first bit set, and without the zero that keeps them positive.
    for (let nonce = 1n; nonce < 64n; nonce++) {
      const other = this.sign(nonce);
      const content = digits(other.r);
      if (content[0] !== 0) continue;
      const bad = tlv(0x30, concatBytes(tlv(2, content.slice(1)), integer(other.s)));
      this.cases.signature(false, "r lacks the zero before it", key, MESSAGE, bad);
      break;
    }
  }

  /** Signatures of chosen numbers, under keys that are computed from them. */
  private chosen(): void {
    const { cases, n, base } = this;
    const e = this.e();
    const keyFor = (R: Point, s: bigint): Point => {
      const r = R.toAffine().x % n;
      return this.times(this.times(R, s).subtract(this.times(base, e)), this.invert(r));
    };
    const add = (accepted: boolean, name: string, R: Point, s: bigint) => {
      const key = keyFor(R, s).toBytes(false);
      cases.signature(accepted, name, key, MESSAGE, der(R.toAffine().x % n, s));
    };
    const small = this.coordinate((x) => x > 0n, 1n);
    const R = this.times(base, 0x0ddn);
    add(true, "r is small", small, 0x1234n);
    add(true, "s is 1", R, 1n);
    add(true, "s is the order less 1", R, n - 1n);
    add(true, "r and s are small", small, 1n);
    // x of R lies between the order and p (for P-256, P-384 and P-521 alike: p > n).
    const above = this.coordinate((x) => x < this.p, n + 1n);
    add(true, "x of R is above the order", above, 0x1234n);
    const key = keyFor(above, 0x1234n).toBytes(false);
    cases.signature(false, "r is x of R, above the order", key, MESSAGE, der(above.toAffine().x, 0x1234n));
    // u1 G = u2 Q: the sum doubles. Q = (e / r) G, any s.
    const sum = (sign: bigint): [Uint8Array, bigint, bigint] => {
      // u1 = e / s, u2 = r / s, Q = d G with r d = ± e
      const k = 0x0ddn;
      const r = this.times(base, k).toAffine().x % n;
      const d = this.mod(sign * e * this.invert(r));
      return [this.times(base, d).toBytes(false), r, this.mod(this.invert(k) * (e + r * d))];
    };
    const [doubling, r, s] = sum(1n);
    cases.signature(true, "u1 G and u2 Q are equal", doubling, MESSAGE, der(r, s));
    // u1 G + u2 Q is the point at infinity for each s.
    const [vanishing, r2] = sum(-1n);
    for (const other of [1n, 0x1234n, n - 1n]) {
      cases.signature(
        false,
        `the sum is infinity, s ${other === n - 1n ? "-1" : other}`,
        vanishing,
        MESSAGE,
        der(r2, other),
      );
    }
  }
}

/** Where the last byte of a sequence's length is. */
const lengthAt = (value: Uint8Array): number => ((value[1] as number) < 0x80 ? 1 : 2);
