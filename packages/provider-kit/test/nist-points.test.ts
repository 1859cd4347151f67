// RFC 9180 §7.1.4: the points of the NIST curves are told from other bytes, as noble tells them.
import { isP256PublicKey, isP384PublicKey, isP521PublicKey } from "@copse/provider-kit";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { describe, expect, it } from "vitest";

describe.each([
  ["P-256", 32, isP256PublicKey, p256],
  ["P-384", 48, isP384PublicKey, p384],
  ["P-521", 66, isP521PublicKey, p521],
] as const)("%s", (_, size, isPublicKey, curve) => {
  const points = Array.from({ length: 50 }, () => curve.getPublicKey(curve.utils.randomSecretKey(), false));
  const p = curve.Point.Fp.ORDER;
  const toBytes = (value: bigint) => Buffer.from(value.toString(16).padStart(2 * size, "0"), "hex");
  const toNumber = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  const pointOf = (x: bigint, y: bigint) => Uint8Array.of(4, ...toBytes(x), ...toBytes(y));

  it("takes points, and their negatives", () => {
    for (const point of points) {
      expect(isPublicKey(point)).toBe(true);
      const [x, y] = [toNumber(point.subarray(1, 1 + size)), toNumber(point.subarray(1 + size))];
      expect(isPublicKey(pointOf(x, p - y))).toBe(true);
    }
  });

  it("takes what noble takes of bytes with one bit changed: nothing", () => {
    for (const point of points) {
      const other = point.slice();
      const at = 1 + Math.floor(Math.random() * 2 * size);
      other[at] = (other[at] as number) ^ (1 << Math.floor(Math.random() * 8));
      expect(isPublicKey(other)).toBe(false);
      expect(() => curve.Point.fromBytes(other).assertValidity()).toThrow();
    }
  });

  it("takes no other encoding of a point, and no number from the prime on", () => {
    const [point] = points as [Uint8Array];
    const bad = [
      new Uint8Array(),
      Uint8Array.of(0),
      new Uint8Array(1 + 2 * size),
      curve.Point.fromBytes(point).toBytes(true),
      Uint8Array.of(6 + ((point.at(-1) as number) & 1), ...point.subarray(1)),
      point.subarray(0, -1),
      Uint8Array.of(...point, 0),
      pointOf(0n, 0n),
      pointOf(1n, 1n),
    ];
    // A point with a small x: x + p has the same remainder, and fits.
    for (let x = 0n, found = 0; found < 3; x++) {
      const { Fp } = curve.Point;
      const { a, b } = curve.Point.CURVE();
      let y: bigint;
      try {
        y = Fp.sqrt(Fp.add(Fp.add(Fp.mul(Fp.mul(x, x), x), Fp.mul(a, x)), b));
      } catch {
        continue;
      }
      found++;
      expect(isPublicKey(pointOf(x, y))).toBe(true);
      if ((x + p) >> BigInt(8 * size) === 0n) bad.push(pointOf(x + p, y));
      if ((y + p) >> BigInt(8 * size) === 0n) bad.push(pointOf(x, y + p));
    }
    for (const bytes of bad) expect(isPublicKey(bytes)).toBe(false);
  });
});
