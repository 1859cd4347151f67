// FIPS 180-4, RFC 2104, RFC 4231: SHA-256 and HMAC-SHA256 in JavaScript, held to OpenSSL's.
import { createHash, createHmac } from "node:crypto";
import { runInNewContext } from "node:vm";
import { sha256 } from "@copse/provider-kit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const digest = (data: Uint8Array) => Uint8Array.from(createHash("sha256").update(data).digest());
const hmac = (key: Uint8Array, data: Uint8Array) =>
  Uint8Array.from(createHmac("sha256", key).update(data).digest());

/** Bytes that differ from one another, and have the highest bit as often as not. */
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (197 * i + length) & 0xff);
/** All around one block and two. */
const LENGTHS = Array.from({ length: 140 }, (_, i) => i);

describe("SHA-256", () => {
  test("of every length up to two blocks, and of long inputs, is OpenSSL's", () => {
    for (const length of [...LENGTHS, 1000, 65_535, 65_536, 1_000_003]) {
      expect(sha256.hash(bytes(length)), `${length}`).toEqual(digest(bytes(length)));
    }
  });

  test("of many inputs is that of each", () => {
    const inputs = LENGTHS.map(bytes);
    expect(sha256.hashAll(inputs)).toEqual(inputs.map(digest));
    expect(sha256.hashAll([])).toEqual([]);
  });

  test("of a view is that of what it shows", () => {
    const data = bytes(200);
    expect(sha256.hash(data.subarray(13, 170))).toEqual(digest(data.slice(13, 170)));
    expect(sha256.hash(Buffer.from(data))).toEqual(digest(data));
  });
});

describe("HMAC-SHA256", () => {
  test("with keys and data of every length up to two blocks is OpenSSL's", () => {
    for (const length of LENGTHS) {
      expect(sha256.mac(bytes(length), bytes(45)), `key of ${length}`).toEqual(
        hmac(bytes(length), bytes(45)),
      );
      expect(sha256.mac(bytes(32), bytes(length)), `data of ${length}`).toEqual(
        hmac(bytes(32), bytes(length)),
      );
    }
  });

  test("is OpenSSL's, for any keys and data, one call after the other", () => {
    const any = fc.uint8Array({ maxLength: 300, size: "max" });
    fc.assert(
      fc.property(any, any, (key, data) => {
        expect(sha256.mac(key, data)).toEqual(hmac(key, data));
      }),
      { numRuns: 300 },
    );
  });

  test("of many inputs under one key is that of each", () => {
    const inputs = LENGTHS.map(bytes);
    for (const length of [0, 1, 32, 63, 64, 65, 200]) {
      const key = bytes(length);
      expect(sha256.macAll(key, inputs), `key of ${length}`).toEqual(inputs.map((one) => hmac(key, one)));
    }
    expect(sha256.macAll(bytes(32), [])).toEqual([]);
  });

  test("leaves its inputs as they are, and gives memory of its own", () => {
    const [key, data] = [bytes(80), bytes(40)];
    const first = sha256.mac(key, data);
    const copy = first.slice();
    expect(first.buffer.byteLength).toBe(32);
    sha256.mac(data, key);
    expect([first, key, data]).toEqual([copy, bytes(80), bytes(40)]);
  });
});

test("what is no bytes is refused, and changes nothing for the next", () => {
  const key = bytes(32);
  for (const wrong of ["no bytes", undefined, [1, 2], 5] as never[]) {
    expect(() => sha256.hash(wrong)).toThrow(TypeError);
    expect(() => sha256.hashAll([key, wrong])).toThrow(TypeError);
    expect(() => sha256.mac(key, wrong)).toThrow(TypeError);
    expect(() => sha256.mac(wrong, key)).toThrow(TypeError);
    expect(() => sha256.macAll(key, [key, wrong])).toThrow(TypeError);
    expect(() => sha256.macAll(wrong, [key])).toThrow(TypeError);
    expect(sha256.mac(key, key)).toEqual(hmac(key, key));
  }
});

test("bytes of another realm are bytes", () => {
  const foreign = runInNewContext("Uint8Array.from({ length: 70 }, (_, i) => i)") as Uint8Array;
  expect(foreign).not.toBeInstanceOf(Uint8Array);
  expect(sha256.mac(foreign, foreign)).toEqual(hmac(Uint8Array.from(foreign), Uint8Array.from(foreign)));
});
