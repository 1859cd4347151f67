// RFC 9420 §5.1.2: public keys are decoded once, and tables made for those used often, within bounds.
import { nobleProvider } from "@copse/provider-noble";
import { expect, it } from "vitest";
import { pointCache } from "../src/points.js";

class FakePoint {
  window = 1;
  precompute(window: number): void {
    this.window = window;
  }
}

const key = (n: number): Uint8Array => Uint8Array.of(n >> 8, n);

function counting() {
  const made: FakePoint[] = [];
  const cache = pointCache(() => {
    const point = new FakePoint();
    made.push(point);
    return point;
  });
  return { made, cache };
}

it("decodes a key once, and makes its table for the fourth use", () => {
  const { made, cache } = counting();
  const tables = [1, 2, 3, 4, 5].map(() => cache.use(key(1)).window !== 1);
  expect(tables).toEqual([false, false, false, true, true]);
  for (let i = 0; i < 9; i++) cache.peek(key(2));
  expect(made.map(({ window }) => window)).toEqual([4, 1]);
});

it("keeps 1,024 keys and sixteen tables, those last used", () => {
  const { made, cache } = counting();
  for (let n = 0; n < 20; n++) {
    for (let i = 0; i < 4; i++) cache.use(key(n));
    // The first key stays in use.
    cache.use(key(0));
  }
  const withTable = made.filter(({ window }) => window === 4);
  expect(withTable).toHaveLength(16);
  expect(withTable).toContain(made[0]);
  for (let n = 100; n < 100 + 1024; n++) cache.peek(key(n));
  const before = made.length;
  cache.peek(key(1123));
  expect(made).toHaveLength(before);
  cache.peek(key(0));
  expect(made).toHaveLength(before + 1);
});

it("keeps nothing of what is no key", () => {
  let calls = 0;
  const cache = pointCache((): FakePoint => {
    calls++;
    throw new Error("no point");
  });
  for (const n of [1, 2]) {
    expect(() => cache.use(key(1))).toThrow("no point");
    expect(calls).toBe(n);
  }
});

it("verifies under more hot keys than it keeps tables for", async () => {
  const { signature } = nobleProvider().suite(1);
  const message = Uint8Array.of(7);
  const signers = await Promise.all(Array.from({ length: 20 }, () => signature.generateKeyPair()));
  const signed = await Promise.all(signers.map(({ privateKey }) => signature.sign(privateKey, message)));
  for (let round = 0; round < 6; round++) {
    for (const [i, { publicKey }] of signers.entries()) {
      expect(await signature.verify(publicKey, message, signed[i] as Uint8Array)).toBe(true);
      expect(await signature.verify(publicKey, message, signed[(i + 1) % 20] as Uint8Array)).toBe(false);
    }
  }
});
