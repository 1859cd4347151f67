// PKCS#11 v2.40 §2.3: points, signatures and references, where no token is needed.
import { createSign, createVerify, generateKeyPairSync } from "node:crypto";
import { DHKEM_P256, DHKEM_P384 } from "@copse/core/provider";
import fc from "fast-check";
import { expect, it } from "vitest";
import { derSignature, octetString, publicKeyOfPoint } from "../src/encoding.js";
import { readReference, referencesIn, writeReference } from "../src/reference.js";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

it.each([32, 57, 65, 97, 133])(
  "reads a public key of %i bytes in each form that tokens give it in",
  (size) => {
    fc.assert(
      fc.property(bytes(size), (key) => {
        const header = size < 0x80 ? [size] : [0x81, size];
        const bits = size + 1 < 0x80 ? [size + 1] : [0x81, size + 1];
        expect(publicKeyOfPoint(Uint8Array.from([4, ...header, ...key]), size)).toEqual(key);
        expect(publicKeyOfPoint(octetString(key), size)).toEqual(key);
        expect(publicKeyOfPoint(Uint8Array.from([3, ...bits, 0, ...key]), size)).toEqual(key);
        expect(publicKeyOfPoint(key, size)).toEqual(key);
        for (const other of [[], [2, ...header, ...key], [4, ...header, ...key, 0], [...key.slice(1)]]) {
          expect(() => publicKeyOfPoint(Uint8Array.from(other), size)).toThrow(
            expect.objectContaining({ code: "crypto" }),
          );
        }
      }),
    );
  },
);

it.each([
  ["prime256v1", "sha256", 32],
  ["secp384r1", "sha384", 48],
  ["secp521r1", "sha512", 66],
])("gives OpenSSL's DER for raw signatures of %s", (namedCurve, hash, size) => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  // Enough for numbers with zeros in front, and with a first bit of 1.
  for (let i = 0; i < 100; i++) {
    const message = Buffer.from(`message ${i}`);
    const raw = createSign(hash).update(message).sign({ key: privateKey, dsaEncoding: "ieee-p1363" });
    expect(createVerify(hash).update(message).verify(publicKey, derSignature(raw, size))).toBe(true);
  }
});

it("writes the numbers of a signature in the fewest bytes", () => {
  const der = (r: number[], s: number[]) => {
    const raw = new Uint8Array(64);
    raw.set(r, 32 - r.length);
    raw.set(s, 64 - s.length);
    return [...derSignature(raw, 32)];
  };
  expect(der([1], [0x7f])).toEqual([0x30, 6, 2, 1, 1, 2, 1, 0x7f]);
  expect(der([0x80], [1, 0])).toEqual([0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 0]);
  expect(() => der([], [1])).toThrow("zero");
  expect(() => derSignature(new Uint8Array(63), 32)).toThrow("got 63");
});

it("finds references wherever they stand, and nothing else", () => {
  const key = { id: Uint8Array.from({ length: 16 }, (_, i) => i + 1), publicKey: new Uint8Array(65).fill(4) };
  const reference = writeReference(DHKEM_P256, key);
  expect(reference.length).toBe(34 + 65);
  expect(readReference(DHKEM_P256, reference)).toEqual(key);
  expect(readReference(DHKEM_P256, Uint8Array.of(0, 1, 2))).toBeUndefined();
  expect(() => readReference(DHKEM_P384, reference)).toThrow(expect.objectContaining({ code: "crypto" }));
  expect(() => readReference(DHKEM_P256, reference.slice(0, -1))).toThrow(
    expect.objectContaining({ code: "crypto" }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (before, after) => {
      const other = writeReference(DHKEM_P256, { ...key, id: new Uint8Array(16).fill(9) });
      expect(referencesIn(Uint8Array.from([...before, ...reference, ...after, ...other]))).toEqual([
        key.id,
        new Uint8Array(16).fill(9),
      ]);
      expect(referencesIn(before)).toEqual([]);
      expect(referencesIn(reference.slice(0, 33))).toEqual([]);
    }),
  );
});
