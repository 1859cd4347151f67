// RFC 9420 §2.1.2, §6: the working group's vectors for vector lengths and for the structures on the wire.

import { hex, toHex } from "@copse/test-support/bytes";
import { MESSAGE_STRUCTURES } from "@copse/test-support/message-structures";
import { forEachVectorOnce, readVectors } from "@copse/test-support/vectors";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { Reader } from "../../src/codec/reader.js";
import { Writer } from "../../src/codec/writer.js";
import { DecodeError } from "../../src/errors.js";

forEachVectorOnce<{ vlbytes_header: string; length: number }>("deserialization", (vector) => {
  const reader = new Reader(hex(vector.vlbytes_header));
  expect(reader.varint()).toBe(vector.length);
  reader.finish();
  const writer = new Writer();
  writer.varint(vector.length);
  expect(toHex(writer.finish())).toBe(vector.vlbytes_header);
});

/** The value without its remembered encodings, so that encoding it writes every field anew. */
function copy(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copy(field)]));
}

// Each structure encodes to the bytes that it came from.
forEachVectorOnce<Record<string, string>>("messages", (vector) => {
  expect(Object.keys(vector).sort()).toEqual(Object.keys(MESSAGE_STRUCTURES).sort());
  for (const [name, codec] of Object.entries(MESSAGE_STRUCTURES)) {
    const value = decode(codec, hex(vector[name] as string));
    expect(toHex(encode(codec, value)), name).toBe(vector[name]);
    expect(toHex(encode(codec, value)), name).toBe(vector[name]);
  }
});

const vectors = readVectors<Record<string, string>>("messages");

describe.skipIf(vectors.length === 0)("the structures of messages.json", () => {
  it.each(Object.entries(MESSAGE_STRUCTURES))(
    "%s cut short or with a byte too many is refused",
    (name, codec) => {
      for (const vector of vectors.slice(0, 3)) {
        const bytes = hex(vector[name] as string);
        const step = Math.max(1, Math.floor(bytes.length / 200));
        for (let length = 0; length < bytes.length; length += step) {
          expect(() => decode(codec, bytes.subarray(0, length))).toThrow(DecodeError);
        }
        expect(() => decode(codec, Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
      }
    },
  );

  it("a message with any one byte changed decodes to what encodes to the same bytes, or is refused", () => {
    for (const [name, codec] of Object.entries(MESSAGE_STRUCTURES)) {
      const bytes = hex((vectors[0] as Record<string, string>)[name] as string);
      const step = Math.max(1, Math.floor(bytes.length / 300));
      for (let i = 0; i < bytes.length; i += step) {
        const changed = bytes.slice();
        changed[i] = (changed[i] as number) ^ (1 << (i % 8));
        let value: unknown;
        try {
          // The copy reads it all: some of it is decoded only then.
          value = copy(decode(codec, changed));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
          continue;
        }
        expect(toHex(encode(codec, copy(value)))).toBe(toHex(changed));
      }
    }
  });
});
