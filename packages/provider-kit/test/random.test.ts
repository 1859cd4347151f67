// RFC 9420 §16.8: random bytes, asked for piece by piece and handed out in memory of their own.
import { randomBytes } from "@copse/provider-kit";
import { expect, test } from "vitest";

/** A source that counts up, and notes how many bytes it was asked for at once. */
function source() {
  const asked: number[] = [];
  const given: Uint8Array[] = [];
  let next = 1;
  return {
    asked,
    given,
    fill(bytes: Uint8Array) {
      asked.push(bytes.length);
      given.push(bytes);
      for (let i = 0; i < bytes.length; i++) bytes[i] = next++;
    },
  };
}

test("each call asks the source for as many bytes as it gives, at most 65,536 at once", () => {
  for (const [length, pieces] of [
    [0, []],
    [4, [4]],
    [64, [64]],
    [128, [128]],
    [129, [129]],
    [65_536, [65_536]],
    [131_073, [65_536, 65_536, 1]],
  ] as const) {
    const { asked, fill } = source();
    const bytes = randomBytes(length, fill);
    expect(bytes).toEqual(Uint8Array.from({ length }, (_, i) => i + 1));
    expect(asked).toEqual(pieces);
  }
});

test("nothing of what was given stays where the source wrote it", () => {
  const { given, fill } = source();
  const first = randomBytes(32, fill);
  const second = randomBytes(32, fill);
  expect(first).toEqual(Uint8Array.from({ length: 32 }, (_, i) => i + 1));
  expect(second).toEqual(Uint8Array.from({ length: 32 }, (_, i) => i + 33));
  expect(first.buffer).not.toBe(second.buffer);
  expect(given.map((bytes) => Array.from(bytes))).toEqual([Array(32).fill(0), Array(32).fill(0)]);
});

test("a length that is none is refused", () => {
  const { asked, fill } = source();
  expect(() => randomBytes(-1, fill)).toThrow(RangeError);
  expect(asked).toEqual([]);
});
