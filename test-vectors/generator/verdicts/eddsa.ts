// RFC 8032 §5.1, §5.2: edge cases of Ed25519 and Ed448, by noble's points. The kinds of cases are those of Chalkias,
// Garillot and Nikolaenko, "Taming the many EdDSAs" (SSR 2020).
import type { EdDSA, EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, concatBytes, numberToBytesLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { Cases, messages } from "./cases.js";

/** What differs between the two schemes. */
interface Scheme {
  readonly curve: EdDSA;
  /** Of a public key, of R and of S, in bytes. */
  readonly size: number;
  /** Whether the equation is multiplied by the cofactor. */
  readonly cofactored: boolean;
  /** RFC 8032: `H(dom || R || A || M)` */
  hash(data: Uint8Array): Uint8Array;
}

const ED25519: Scheme = { curve: ed25519, size: 32, cofactored: false, hash: (data) => sha512(data) };
const ED448: Scheme = {
  curve: ed448,
  size: 57,
  cofactored: true,
  hash: (data) => shake256(concatBytes(Uint8Array.from(Buffer.from("SigEd448\0\0")), data), { dkLen: 114 }),
};

export const ed25519Cases = (): Cases => new Maker(ED25519).make();
export const ed448Cases = (): Cases => new Maker(ED448).make();

/** A scalar for the tests: as good as random, and the same each time. */
const SECRET = 0x5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eedn;
const NONCE = 0x0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0ddn;

class Maker {
  private readonly cases = new Cases();
  private readonly base: EdwardsPoint;
  private readonly order: bigint;
  private readonly p: bigint;
  private readonly cofactor: number;
  /** The points of small order: the multiples of one of them. */
  private readonly torsion: readonly EdwardsPoint[];

  constructor(private readonly scheme: Scheme) {
    const { Point } = scheme.curve;
    this.base = Point.BASE;
    this.order = Point.Fn.ORDER;
    this.p = Point.Fp.ORDER;
    this.cofactor = scheme === ED25519 ? 8 : 4;
    const generator = this.torsionGenerator();
    this.torsion = Array.from({ length: this.cofactor }, (_, i) => generator.multiplyUnsafe(BigInt(i)));
  }

  make(): Cases {
    this.keys();
    this.smallOrderKeys();
    this.smallOrderR();
    this.torsionInA();
    this.torsionInR();
    this.largeS();
    this.otherForms();
    return this.cases;
  }

  private encoded(y: bigint, top = 0): Uint8Array {
    const bytes = numberToBytesLE(y, this.scheme.size);
    bytes[this.scheme.size - 1] = (bytes[this.scheme.size - 1] as number) | top;
    return bytes;
  }

  /** A point whose order is the cofactor: the first found among the multiples by the order of the large group. */
  private torsionGenerator(): EdwardsPoint {
    const { Point } = this.scheme.curve;
    for (let y = 2n; ; y++) {
      let point: EdwardsPoint;
      try {
        point = Point.fromBytes(this.encoded(y));
      } catch {
        continue;
      }
      const small = point.multiplyUnsafe(this.order - 1n).add(point);
      if (!small.multiplyUnsafe(BigInt(this.cofactor / 2)).is0()) return small;
    }
  }

  private k(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
    return bytesToNumberLE(this.scheme.hash(concatBytes(R, A, message))) % this.order;
  }

  /** The first message for which `k` of these encodings, modulo the cofactor, is one of those that are wanted. */
  private messageFor(R: Uint8Array, A: Uint8Array, wanted: (k: number) => boolean): [Uint8Array, bigint] {
    for (const message of messages()) {
      const k = this.k(R, A, message);
      if (wanted(Number(k % BigInt(this.cofactor)))) return [message, k];
    }
    throw new Error("there is always one");
  }

  private signature(R: Uint8Array, S: bigint): Uint8Array {
    return concatBytes(R, numberToBytesLE(S, this.scheme.size));
  }

  private mod(scalar: bigint): bigint {
    return ((scalar % this.order) + this.order) % this.order;
  }

  /** All encodings of the points of small order: canonical, with the sign of x = 0, and with y not reduced. */
  private smallOrderEncodings(): [string, EdwardsPoint, Uint8Array][] {
    const found: [string, EdwardsPoint, Uint8Array][] = [];
    const end = 1n << BigInt(this.scheme === ED25519 ? 255 : 448);
    this.torsion.forEach((point, i) => {
      const { x, y } = point.toAffine();
      const sign = Number(x & 1n) << 7;
      found.push([`torsion point ${i}`, point, point.toBytes()]);
      if (x === 0n) found.push([`torsion point ${i} with the sign of -0`, point, this.encoded(y, 0x80)]);
      if (y + this.p >= end) return;
      found.push([`torsion point ${i}, y not reduced`, point, this.encoded(y + this.p, sign)]);
      if (x === 0n) {
        const bytes = this.encoded(y + this.p, 0x80);
        found.push([`torsion point ${i}, y not reduced, with the sign of -0`, point, bytes]);
      }
    });
    return found;
  }

  private keys(): void {
    const { cases, scheme } = this;
    for (const [name, , bytes] of this.smallOrderEncodings()) cases.key(false, name, bytes);
    // y from p on, with both signs: some would be points of the large group.
    for (let y = 2n; y < 19n; y++) {
      for (const top of [0, 0x80]) {
        cases.key(false, `y = p + ${y}${top ? ", negative" : ""}`, this.encoded(this.p + y, top));
      }
    }
    for (let y = 2n; y < 26n; y++) {
      for (const top of [0, 0x80]) {
        const bytes = this.encoded(y, top);
        let isPoint = true;
        try {
          scheme.curve.Point.fromBytes(bytes);
        } catch {
          isPoint = false;
        }
        cases.key(isPoint, `y = ${y}${top ? ", negative" : ""}`, bytes);
      }
    }
    const A = this.base.multiply(SECRET);
    for (const [i, T] of this.torsion.entries()) {
      cases.key(true, `a point plus torsion point ${i}`, A.add(T).toBytes());
    }
    cases.key(true, "the base point", this.base.toBytes());
    cases.key(false, "all ones", new Uint8Array(scheme.size).fill(0xff));
    for (const size of [0, scheme.size - 1, scheme.size + 1]) {
      cases.key(false, `${size} bytes`, concatBytes(A.toBytes(), new Uint8Array(1)).slice(0, size));
    }
    if (scheme === ED25519) return;
    for (const bit of [1, 2, 0x40]) {
      const bytes = A.toBytes();
      bytes[56] = (bytes[56] as number) | bit;
      cases.key(false, `bit ${bit} of the last byte`, bytes);
    }
  }

  /** A of small order, and an equation that holds without the cofactor: such a signature fits many messages. */
  private smallOrderKeys(): void {
    for (const [name, , A] of this.smallOrderEncodings()) {
      const R = this.base.multiply(NONCE).toBytes();
      const [message] = this.messageFor(R, A, (k) => k === 0);
      this.cases.signature(false, `A is ${name}`, A, message, this.signature(R, NONCE));
    }
    this.torsion.forEach((T, i) => {
      this.torsion.forEach((point, j) => {
        const fits = (k: number) => (i * k + j) % this.cofactor === 0;
        if (![...this.torsion.keys()].some(fits)) return;
        const [A, R] = [T.toBytes(), point.toBytes()];
        const [message] = this.messageFor(R, A, fits);
        const what = `A is torsion point ${i}, R is torsion point ${j}, S = 0`;
        this.cases.signature(false, what, A, message, this.signature(R, 0n));
      });
    });
  }

  /** R of small order: first with A of the large group, then with torsion in A that makes up for it. */
  private smallOrderR(): void {
    const pure = this.base.multiply(SECRET);
    for (const [name, point, R] of this.smallOrderEncodings()) {
      const A = pure.toBytes();
      const [message, k] = this.messageFor(R, A, () => true);
      this.cases.signature(false, `R is ${name}`, A, message, this.signature(R, this.mod(k * SECRET)));
      const T = this.torsion[1] as EdwardsPoint;
      const mixed = pure.add(T).toBytes();
      const [other, k2] = this.messageFor(R, mixed, (n) =>
        T.multiplyUnsafe(BigInt(n)).negate().equals(point),
      );
      const signature = this.signature(R, this.mod(k2 * SECRET));
      this.cases.signature(false, `R is ${name}, and A has torsion`, mixed, other, signature);
    }
  }

  /** Torsion in A, which disappears from k A for some messages only. */
  private torsionInA(): void {
    const R = this.base.multiply(NONCE).toBytes();
    this.torsion.forEach((T, i) => {
      const A = this.base.multiply(SECRET).add(T).toBytes();
      const vanishes = (k: number) => T.multiplyUnsafe(BigInt(k)).is0();
      for (const wanted of [true, false]) {
        if (!wanted && i === 0) continue;
        const [message, k] = this.messageFor(R, A, (n) => vanishes(n) === wanted);
        const signature = this.signature(R, this.mod(NONCE + k * SECRET));
        const accepted = wanted || this.scheme.cofactored;
        const what = `A has torsion ${i}, k A has ${wanted ? "none" : "some"}`;
        this.cases.signature(accepted, what, A, message, signature);
      }
    });
  }

  /** Torsion in R, alone and with the same in A. */
  private torsionInR(): void {
    const pure = this.base.multiply(SECRET);
    this.torsion.forEach((T, i) => {
      if (i === 0) return;
      const R = this.base.multiply(NONCE).add(T).toBytes();
      const A = pure.toBytes();
      const [message, k] = this.messageFor(R, A, () => true);
      const alone = this.signature(R, this.mod(NONCE + k * SECRET));
      this.cases.signature(this.scheme.cofactored, `R has torsion ${i}`, A, message, alone);
      const one = this.torsion[1] as EdwardsPoint;
      const mixed = pure.add(one).toBytes();
      const [other, k2] = this.messageFor(R, mixed, (n) => one.multiplyUnsafe(BigInt(n)).negate().equals(T));
      const both = this.signature(R, this.mod(NONCE + k2 * SECRET));
      this.cases.signature(true, `R and k A have the same torsion ${i}`, mixed, other, both);
    });
  }

  /** S and S plus multiples of the order. */
  private largeS(): void {
    const A = this.base.multiply(SECRET).toBytes();
    const R = this.base.multiply(NONCE).toBytes();
    const [message, k] = this.messageFor(R, A, () => true);
    const S = this.mod(NONCE + k * SECRET);
    this.cases.signature(true, "an ordinary signature", A, message, this.signature(R, S));
    const end = 1n << BigInt(8 * this.scheme.size);
    for (const factor of [1n, 2n, 4n, 8n, 15n, 64n, 1024n, 3000n]) {
      const large = S + factor * this.order;
      if (large < end) {
        this.cases.signature(false, `S plus ${factor} times the order`, A, message, this.signature(R, large));
      }
    }
    for (const [name, other] of [
      ["the order", this.order],
      ["the order less 1", this.order - 1n],
      ["0", 0n],
      ["the largest number", end - 1n],
    ] as const) {
      this.cases.signature(false, `S is ${name}`, A, message, this.signature(R, other));
    }
  }

  private otherForms(): void {
    const seed = new Uint8Array(this.scheme.size).fill(7);
    const A = this.scheme.curve.getPublicKey(seed);
    const message = Uint8Array.of(1, 2, 3);
    const good = this.scheme.curve.sign(message, seed);
    this.cases.signature(true, "what noble signs", A, message, good);
    for (const size of [0, 1, this.scheme.size, good.length - 1]) {
      this.cases.signature(false, `${size} bytes`, A, message, good.slice(0, size));
    }
    this.cases.signature(false, "a zero more", A, message, concatBytes(good, new Uint8Array(1)));
    const negative = Uint8Array.from(good);
    const at = this.scheme.size - 1;
    negative[at] = (negative[at] as number) ^ 0x80;
    this.cases.signature(false, "R is negated", A, message, negative);
    const unreduced = concatBytes(this.encoded(this.p + 3n), good.slice(this.scheme.size));
    this.cases.signature(false, "R isn't reduced", A, message, unreduced);
    const off = concatBytes(this.encoded(2n), good.slice(this.scheme.size));
    this.cases.signature(false, "R has y = 2", A, message, off);
  }
}
