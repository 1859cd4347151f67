// RFC 3279 §2.2.3: the conversion of ECDSA signatures between DER and r || s is strict and one to one.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromDer, toDer } from "../src/signatures/der.js";

const SIZES = [32, 48, 66];

/** r and s of `size` bytes each, above zero; often with leading zeros or a high bit. */
const signature = (size: number) => {
  const number = fc
    .tuple(fc.integer({ min: 0, max: size - 1 }), fc.uint8Array({ minLength: size, maxLength: size }))
    .map(([zeros, bytes]) => bytes.fill(0, 0, zeros))
    .filter((bytes) => bytes.some((byte) => byte !== 0));
  return fc.tuple(number, number).map(([r, s]) => Uint8Array.of(...r, ...s));
};

describe.each(SIZES)("numbers of %i bytes", (size) => {
  test("come back as they were", () => {
    fc.assert(
      fc.property(signature(size), (rs) => {
        expect(fromDer(toDer(rs), size)).toEqual(rs);
      }),
    );
  });

  test("have no other encoding: whatever is taken is what would be made", () => {
    fc.assert(
      fc.property(
        signature(size),
        fc.array(fc.tuple(fc.nat(145), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
        fc.integer({ min: -3, max: 3 }),
        (rs, changes, longer) => {
          const der = toDer(rs);
          const changed = new Uint8Array(der.length + longer);
          changed.set(der.subarray(0, changed.length));
          for (const [at, value] of changes) changed[at % changed.length] = value;
          const decoded = fromDer(changed, size);
          if (decoded !== undefined) expect(toDer(decoded)).toEqual(changed);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("no prefix of an encoding is one", () => {
    const der = toDer(new Uint8Array(2 * size).fill(0xff));
    for (let length = 0; length < der.length; length++) {
      expect(fromDer(der.subarray(0, length), size)).toBeUndefined();
    }
  });
});

test.each([
  ["an empty string", []],
  ["no content", [0x30, 0]],
  ["r alone", [0x30, 3, 2, 1, 1]],
  ["something after s", [0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1]],
  ["something after the sequence", [0x30, 6, 2, 1, 1, 2, 1, 1, 0]],
  ["another tag than SEQUENCE", [0x31, 6, 2, 1, 1, 2, 1, 1]],
  ["another tag than INTEGER", [0x30, 6, 3, 1, 1, 2, 1, 1]],
  ["a short length in the long form", [0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]],
  ["a length in two bytes", [0x30, 0x82, 0, 6, 2, 1, 1, 2, 1, 1]],
  ["an indefinite length", [0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0]],
  ["a negative number", [0x30, 6, 2, 1, 0x80, 2, 1, 1]],
  ["a number filled up with zero", [0x30, 7, 2, 2, 0, 1, 2, 1, 1]],
  ["an empty number", [0x30, 5, 2, 0, 2, 1, 1]],
  ["zero", [0x30, 6, 2, 1, 0, 2, 1, 1]],
  ["zero in two bytes", [0x30, 7, 2, 2, 0, 0, 2, 1, 1]],
  ["a number that is too large", [0x30, 38, 2, 33, 1, ...new Array(32).fill(0), 2, 1, 1]],
  ["a length that runs out of the sequence", [0x30, 6, 2, 1, 1, 2, 5, 1]],
])("refuses %s", (_, der) => {
  expect(fromDer(Uint8Array.from(der), 32)).toBeUndefined();
});

test("takes the smallest there is", () => {
  const rs = fromDer(Uint8Array.of(0x30, 6, 2, 1, 1, 2, 1, 2), 32);
  expect(rs).toEqual(Uint8Array.of(...new Uint8Array(31), 1, ...new Uint8Array(31), 2));
});
