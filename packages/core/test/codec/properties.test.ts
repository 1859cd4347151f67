// RFC 9420 §2.1: properties of the codec for all values and all byte strings.

import { hex } from "@copse/test-support/bytes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Codec,
  decode,
  encode,
  fixed,
  oneOf,
  opaque,
  optional,
  remembered,
  struct,
  uint8,
  uint16,
  uint32,
  uint64,
  variant,
  vector,
} from "../../src/codec/codec.js";
import { Reader } from "../../src/codec/reader.js";
import { Writer } from "../../src/codec/writer.js";
import { DecodeError, MlsError } from "../../src/errors.js";
import { choice } from "../../src/group/storage/fields.js";
import { AuthenticatedContent } from "../../src/wire/framed-content.js";
import { GroupContext } from "../../src/wire/group-context.js";
import { KeyPackage } from "../../src/wire/key-package.js";
import { SenderData } from "../../src/wire/message.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { PreSharedKeyID } from "../../src/wire/psk.js";
import { RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { UpdatePath } from "../../src/wire/update-path.js";
import { GroupInfo, GroupSecrets, Welcome } from "../../src/wire/welcome.js";

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

function roundTrip<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      const encoded = encode(codec, value);
      expect(decode(codec, encoded)).toEqual(value);
      expect(() => decode(codec, Uint8Array.of(...encoded, 0))).toThrow(DecodeError);
      if (encoded.length > 0) {
        expect(() => decode(codec, encoded.subarray(0, encoded.length - 1))).toThrow(DecodeError);
      }
    }),
  );
}

describe("round trips", () => {
  it("integers", () => {
    roundTrip(uint8, fc.integer({ min: 0, max: 0xff }));
    roundTrip(uint16, fc.integer({ min: 0, max: 0xffff }));
    roundTrip(uint32, fc.integer({ min: 0, max: 0xffffffff }));
    roundTrip(uint64, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
  });

  it("byte strings, around the lengths where the header grows", () => {
    roundTrip(opaque, bytes(200));
    for (const length of [0, 63, 64, 16383, 16384, 70_000]) {
      const value = new Uint8Array(length).fill(7);
      const encoded = encode(opaque, value);
      expect(encoded.length).toBe(length + (length < 64 ? 1 : length < 16384 ? 2 : 4));
      expect(decode(opaque, encoded)).toEqual(value);
    }
  });

  it("vectors, optionals, structs and variants", () => {
    roundTrip(vector(uint16), fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }));
    roundTrip(vector(opaque), fc.array(bytes(30), { maxLength: 40 }));
    roundTrip(optional(uint32), fc.option(fc.integer({ min: 0, max: 0xffffffff }), { nil: undefined }));
    roundTrip(
      struct({ a: uint8, b: opaque, c: fixed(4) }),
      fc.record({
        a: fc.integer({ min: 0, max: 255 }),
        b: bytes(70),
        c: fc.uint8Array({ minLength: 4, maxLength: 4 }),
      }),
    );
    roundTrip(
      variant("kind", uint8, { 1: struct({ a: uint16 }), 7: struct({ b: opaque }) }),
      fc.oneof(
        fc.record({ kind: fc.constant(1 as const), a: fc.integer({ min: 0, max: 0xffff }) }),
        fc.record({ kind: fc.constant(7 as const), b: bytes(10) }),
      ),
    );
  });
});

describe("lengths", () => {
  it.each(["4000", "403f", "80000040", "80003fff", "c0", "c000000000000000", "c000000040000000", "ff"])(
    "%s is no length",
    (text) => {
      expect(() => new Reader(hex(text)).varint()).toThrow(DecodeError);
    },
  );

  it("a vector longer than 2^30 - 1 bytes isn't announced", () => {
    expect(() => new Writer().varint(2 ** 30)).toThrow(MlsError);
  });

  it("a length beyond the end is refused before anything is allocated", () => {
    // One gigabyte announced each time: a decoder that allocated it would take seconds and terabytes.
    const claims = hex("bfffffff0011");
    const codecs = [opaque, vector(uint8), vector(opaque), RatchetTreeNodes] as Codec<unknown>[];
    const before = process.memoryUsage();
    for (const codec of codecs) {
      for (let i = 0; i < 5000; i++) expect(() => decode(codec, claims)).toThrow(DecodeError);
    }
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 2 ** 20);
  });

  it("a vector inside of another doesn't reach beyond it", () => {
    // The outer vector has two bytes; the inner one claims three, which follow behind the outer one.
    expect(() => decode(struct({ outer: vector(opaque), rest: fixed(3) }), hex("020300aabbcc"))).toThrow(
      DecodeError,
    );
  });

  it("elements of no bytes don't make an endless vector", () => {
    expect(() => decode(vector(struct({})), hex("0101"))).toThrow(DecodeError);
  });
});

describe("values that can't be encoded", () => {
  it.each([
    [uint8, 256],
    [uint8, -1],
    [uint16, 1.5],
    [uint32, 2 ** 32],
    [uint64, 1n << 64n],
    [uint64, -1n],
    [fixed(4), new Uint8Array(3)],
    [oneOf("colour", uint8, [1, 2]), 3],
    [variant("kind", uint8, { 1: struct({}) }), { kind: 2 }],
  ] as [Codec<unknown>, unknown][])("%# is an MlsError", (codec, value) => {
    expect(() => encode(codec, value)).toThrow(expect.objectContaining({ code: "encode" }));
  });

  it.each([
    [oneOf("colour", uint8, [1, 2]), "03"],
    [variant("kind", uint8, { 1: struct({}) }), "02"],
    [optional(uint8), "0201"],
  ] as [Codec<unknown>, string][])("%# is malformed", (codec, text) => {
    expect(() => decode(codec, hex(text))).toThrow(DecodeError);
  });
});

describe("remembered encodings", () => {
  it("are those that were received, and a value is encoded once", () => {
    let writes = 0;
    const counted: Codec<{ a: number }> = {
      write(writer, { a }) {
        writes++;
        writer.uint8(a);
      },
      read: (reader) => ({ a: reader.uint8() }),
    };
    const codec = remembered(counted);
    const value = { a: 5 };
    expect(encode(codec, value)).toEqual(encode(codec, value));
    expect(writes).toBe(1);
    expect(encode(codec, decode(codec, hex("09")))).toEqual(hex("09"));
    expect(writes).toBe(1);
  });

  it("hold inside of vectors whose header grows after the element was written", () => {
    const item = remembered(struct({ a: opaque }));
    const value = { a: new Uint8Array(100).fill(3) };
    const whole = encode(vector(item), [value]);
    expect(encode(item, value)).toEqual(whole.subarray(2));
  });
});

describe("random bytes", () => {
  const structures: Record<string, Codec<unknown>> = {
    MlsMessage,
    AuthenticatedContent,
    GroupContext,
    GroupInfo,
    GroupSecrets,
    KeyPackage,
    PreSharedKeyID,
    RatchetTreeNodes,
    SenderData,
    UpdatePath,
    Welcome,
  };

  it.each(Object.entries(structures))("%s decodes them or throws a DecodeError", (_, codec) => {
    // Small values are the ones that tags, types and short lengths have.
    const byte = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 255 }));
    const input = fc.oneof(
      bytes(200),
      fc.array(byte, { maxLength: 200 }).map((values) => Uint8Array.from(values)),
      fc
        .array(byte, { maxLength: 100 })
        .map((values) => Uint8Array.of(0, 1, 0, 1 + (values.length % 5), ...values)),
    );
    fc.assert(
      fc.property(input, (data) => {
        let again: Uint8Array;
        try {
          // Encoding it reads all of it: the list of a Welcome is decoded when it is first read.
          again = encode(codec, decode(codec, data));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          return;
        }
        expect(again).toEqual(data);
      }),
      { numRuns: 2000 },
    );
  });
});

it("a saved choice that stands for no name is refused", () => {
  const codec = choice(["reinit", "branch"]);
  expect(encode(codec, "branch")).toEqual(Uint8Array.of(1));
  expect(() => decode(codec, Uint8Array.of(2))).toThrow("expected reinit or branch, got 2");
});
