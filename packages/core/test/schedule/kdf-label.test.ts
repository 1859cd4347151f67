// RFC 9420 §8, §2.1.2: KDFLabel, compared with what the codecs write.
import { expect, test } from "vitest";
import { toHex, utf8 } from "../../src/bytes.js";
import { encode, opaque, struct, uint16 } from "../../src/codec/index.js";
import { kdfLabel } from "../../src/crypto/labelled.js";

const KDFLabel = struct({ length: uint16, label: opaque, context: opaque });

test("a KDFLabel is what the codecs write, for labels and contexts of any length", () => {
  // With "MLS 1.0 " before it, a label of 55 characters is the longest whose length is one byte.
  for (const characters of [0, 1, 6, 54, 55, 56, 57, 300]) {
    for (const size of [0, 1, 4, 32, 62, 63, 64, 65, 300]) {
      for (const length of [0, 12, 255, 256, 65_535]) {
        const label = "x".repeat(characters);
        const context = new Uint8Array(size).fill(200);
        const expected = encode(KDFLabel, { length, label: utf8(`MLS 1.0 ${label}`), context });
        expect(toHex(kdfLabel(label, context, length))).toBe(toHex(expected));
      }
    }
  }
});
