// RFC 2104, RFC 4231: HMAC over a hash function whose state is used again and again.
import { createHmac } from "node:crypto";
import { SHA256, SHA384, SHA512 } from "@copse/core/provider";
import { javascriptHash } from "@copse/provider-kit";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const CASES = [
  ["sha256", javascriptHash(SHA256, sha256)],
  ["sha384", javascriptHash(SHA384, sha384)],
  ["sha512", javascriptHash(SHA512, sha512)],
] as const;

describe.each(CASES)("HMAC of %s", (name, { mac }) => {
  const reference = (key: Uint8Array, data: Uint8Array) =>
    Uint8Array.from(createHmac(name, key).update(data).digest());

  test("is OpenSSL's, for keys and data around and above the size of a block, one call after the other", () => {
    const bytes = fc.uint8Array({ maxLength: 300, size: "max" });
    fc.assert(
      fc.property(bytes, bytes, (key, data) => {
        expect(mac(key, data)).toEqual(reference(key, data));
      }),
      { numRuns: 300 },
    );
    for (const length of [0, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129]) {
      const data = new Uint8Array(length).fill(length);
      expect(mac(data, data), `${length}`).toEqual(reference(data, data));
    }
  });

  test("leaves its inputs as they are, and gives memory of its own", async () => {
    const [key, data] = [new Uint8Array(32).fill(1), new Uint8Array(40).fill(2)];
    const first = await mac(key, data);
    const copy = first.slice();
    await mac(data, key);
    expect(first).toEqual(copy);
    expect([key.every((byte) => byte === 1), data.every((byte) => byte === 2)]).toEqual([true, true]);
  });

  test("goes on after a call that failed", () => {
    const key = new Uint8Array(32).fill(1);
    expect(() => mac(key, "no bytes" as never)).toThrow(TypeError);
    expect(mac(key, key)).toEqual(reference(key, key));
  });
});

test("of the key and the data nothing stays in the state", () => {
  const states: ReturnType<typeof sha256.create>[] = [];
  const watched = Object.assign((data: Uint8Array) => sha256(data), {
    blockLen: sha256.blockLen,
    outputLen: sha256.outputLen,
    create() {
      const state = sha256.create();
      states.push(state);
      return state;
    },
  });
  const { mac } = javascriptHash(SHA256, watched);
  const untouched = () => states.map((state) => JSON.stringify(state));
  const key = new Uint8Array(32).fill(0xa1);
  mac(key, new Uint8Array(70).fill(0xb2));
  const after = untouched();
  mac(new Uint8Array(32).fill(0xc3), new Uint8Array(200).fill(0xd4));
  // The same, whatever the key and the data were: all but the last byte of the buffer, which is a length.
  expect(untouched().map((state) => state.replace(/"63":\d+/, ""))).toEqual(
    after.map((state) => state.replace(/"63":\d+/, "")),
  );
  expect(after.join()).toContain('"buffer"');
});
