// FIPS 180-4, RFC 2104: the kit's hashes and HMACs, compared with OpenSSL's.
import { createHash, createHmac } from "node:crypto";
import { runInNewContext } from "node:vm";
import { SHA256, UnsupportedError } from "@copse/core/provider";
import { sha2, sha256, sha384, sha512 } from "@copse/provider-kit";
import { hmac as nobleHmac } from "@noble/hashes/hmac.js";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";

/** Bytes that differ from one another, about half of them with the highest bit set. */
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (197 * i + length) & 0xff);
const LENGTHS = [0, 1, 32, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 200];

describe.each([
  ["sha256", sha256],
  ["sha384", sha384],
  ["sha512", sha512],
] as const)("%s", (name, part) => {
  const digest = (data: Uint8Array) => Uint8Array.from(createHash(name).update(data).digest());
  const hmac = (key: Uint8Array, data: Uint8Array) =>
    Uint8Array.from(createHmac(name, key).update(data).digest());

  test("hashes as OpenSSL does, one input or many", () => {
    const inputs = LENGTHS.map(bytes);
    expect(inputs.map((input) => part.hash(input))).toEqual(inputs.map(digest));
    expect(part.hashAll(inputs)).toEqual(inputs.map(digest));
    expect(part.hashAll([])).toEqual([]);
    expect(part.hash(bytes(200).subarray(13, 170))).toEqual(digest(bytes(200).slice(13, 170)));
  });

  test("computes OpenSSL's HMAC for keys and data of any length", () => {
    const any = fc.uint8Array({ maxLength: 300, size: "max" });
    fc.assert(
      fc.property(any, any, (key, data) => {
        expect(part.mac(key, data)).toEqual(hmac(key, data));
      }),
      { numRuns: 200 },
    );
    for (const length of LENGTHS)
      expect(part.mac(bytes(length), bytes(45))).toEqual(hmac(bytes(length), bytes(45)));
  });

  test("computes many HMACs under one key as one by one", () => {
    const inputs = LENGTHS.map(bytes);
    for (const key of inputs) expect(part.macAll(key, inputs)).toEqual(inputs.map((one) => hmac(key, one)));
    expect(part.macAll(bytes(32), [])).toEqual([]);
  });

  test("leaves its inputs as they are, and returns memory of its own", () => {
    const [key, data] = [bytes(80), bytes(40)];
    const results = [part.mac(key, data), part.hash(data), ...part.macAll(key, [data])];
    expect([key, data]).toEqual([bytes(80), bytes(40)]);
    for (const result of results) expect(result.buffer.byteLength).toBe(part.algorithm.Nh);
  });

  test("refuses what is not bytes, and works afterwards", () => {
    const key = bytes(32);
    for (const wrong of ["text", undefined, [1, 2], 5] as never[]) {
      expect(() => part.hash(wrong)).toThrow(TypeError);
      expect(() => part.mac(key, wrong)).toThrow(TypeError);
      expect(() => part.mac(wrong, key)).toThrow(TypeError);
      expect(() => part.macAll(key, [key, wrong])).toThrow(TypeError);
    }
    expect(part.mac(key, key)).toEqual(hmac(key, key));
  });

  test("takes bytes of another realm", () => {
    const foreign = runInNewContext("Uint8Array.from({ length: 70 }, (_, i) => i)") as Uint8Array;
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    expect(part.mac(foreign, foreign)).toEqual(hmac(Uint8Array.from(foreign), Uint8Array.from(foreign)));
  });

  test("is what sha2 gives for its algorithm", () => {
    expect(sha2(part.algorithm)).toBe(part);
  });
});

test("sha2 refuses another hash function", () => {
  expect(() => sha2({ ...SHA256, name: "SHA-1" })).toThrow(UnsupportedError);
});

describe("the state that macAll keys once", () => {
  afterEach(() => vi.restoreAllMocks());

  test.each([
    ["after success", [bytes(1), bytes(2)]],
    ["after a failure", [bytes(1), "text" as never]],
  ])("is overwritten %s", (_, inputs) => {
    const create = vi.spyOn(nobleHmac, "create");
    try {
      sha256.macAll(bytes(32), inputs);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
    const states = create.mock.results.map(({ value }) => value as { destroyed: boolean });
    expect(states.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});
