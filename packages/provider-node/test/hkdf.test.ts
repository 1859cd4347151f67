// RFC 5869: HKDF of the provider, whose HMACs are composed of two hashes, compared with OpenSSL's HMAC.
import { createHmac } from "node:crypto";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, test } from "vitest";

const provider = nodeProvider();

/** Bytes that differ from one another, about half of them with the highest bit set. */
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (197 * i + length) & 0xff);
/** Around the blocks of the hashes, and around the longest input that is composed here. */
const KEYS = [1, 32, 63, 64, 65, 127, 128, 129, 200];
const INFOS = [0, 1, 62, 63, 64, 511, 512, 513, 2000];

// One suite for each hash.
describe.each([
  [1, "sha256"],
  [7, "sha384"],
  [4, "sha512"],
] as const)("HKDF of suite %i", (id, name) => {
  const { kdf, suite } = provider.suite(id);
  const { Nh } = suite.hash;
  const expected = (prk: Uint8Array, info: Uint8Array, length: number) =>
    Uint8Array.from(createHmac(name, prk).update(info).update(Uint8Array.of(1)).digest()).slice(0, length);

  test("expands as OpenSSL does, one output or many, for keys and inputs of any length", async () => {
    const requests = INFOS.map((size, i) => ({ info: bytes(size), length: [Nh, 16, 12][i % 3] as number }));
    for (const prk of KEYS.map(bytes)) {
      const outputs = requests.map(({ info, length }) => expected(prk, info, length));
      expect(await kdf.expandAll?.(prk, requests)).toEqual(outputs);
      for (const [i, { info, length }] of requests.entries())
        expect(await kdf.expand(prk, info, length)).toEqual(outputs[i]);
    }
  });

  test("extracts as OpenSSL does, also with an empty salt", async () => {
    for (const salt of [0, ...KEYS].map(bytes)) {
      const mac = Uint8Array.from(createHmac(name, salt).update(bytes(40)).digest());
      expect(await kdf.extract(salt, bytes(40))).toEqual(mac);
    }
  });

  test("leaves its inputs as they are, and returns memory of its own", async () => {
    const [prk, info] = [bytes(Nh), bytes(20)];
    const [first, again] = [await kdf.expand(prk, info, Nh), await kdf.expand(prk, info, Nh)];
    expect([prk, info]).toEqual([bytes(Nh), bytes(20)]);
    expect(first.buffer.byteLength).toBe(Nh);
    first.fill(0);
    expect(again).toEqual(expected(prk, info, Nh));
  });

  test("works after an input that isn't bytes", async () => {
    expect(() => kdf.expandAll?.(bytes(Nh), [{ info: undefined as never, length: Nh }])).toThrow(TypeError);
    expect(await kdf.expand(bytes(Nh), bytes(5), Nh)).toEqual(expected(bytes(Nh), bytes(5), Nh));
  });
});
