// RFC 9420 §2.1.2, §6: the working group's vectors for vector lengths and for the structures on the wire.

import { hex, toHex } from "@copse/test-support/bytes";
import { forEachVectorOnce, readVectors } from "@copse/test-support/vectors";
import { describe, expect, it } from "vitest";
import { type Codec, decode, encode } from "../../src/codec/codec.js";
import { Reader } from "../../src/codec/reader.js";
import { Writer } from "../../src/codec/writer.js";
import { DecodeError } from "../../src/errors.js";
import { Commit } from "../../src/wire/commit.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import {
  Add,
  ExternalInit,
  GroupContextExtensions,
  PreSharedKey,
  ReInit,
  Remove,
  Update,
} from "../../src/wire/proposal.js";
import { RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { GroupSecrets } from "../../src/wire/welcome.js";

forEachVectorOnce<{ vlbytes_header: string; length: number }>("deserialization", (vector) => {
  const reader = new Reader(hex(vector.vlbytes_header));
  expect(reader.varint()).toBe(vector.length);
  reader.finish();
  const writer = new Writer();
  writer.varint(vector.length);
  expect(toHex(writer.finish())).toBe(vector.vlbytes_header);
});

const structures: Record<string, Codec<unknown>> = {
  mls_welcome: MlsMessage,
  mls_group_info: MlsMessage,
  mls_key_package: MlsMessage,
  ratchet_tree: RatchetTreeNodes,
  group_secrets: GroupSecrets,
  add_proposal: Add,
  update_proposal: Update,
  remove_proposal: Remove,
  pre_shared_key_proposal: PreSharedKey,
  re_init_proposal: ReInit,
  external_init_proposal: ExternalInit,
  group_context_extensions_proposal: GroupContextExtensions,
  commit: Commit,
  public_message_application: MlsMessage,
  public_message_proposal: MlsMessage,
  public_message_commit: MlsMessage,
  private_message: MlsMessage,
};

/** The value without its remembered encodings, so that encoding it writes every field anew. */
function copy(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copy(field)]));
}

// Each structure encodes to the bytes that it came from.
forEachVectorOnce<Record<string, string>>("messages", (vector) => {
  expect(Object.keys(vector).sort()).toEqual(Object.keys(structures).sort());
  for (const [name, codec] of Object.entries(structures)) {
    const value = decode(codec, hex(vector[name] as string));
    expect(toHex(encode(codec, value)), name).toBe(vector[name]);
    expect(toHex(encode(codec, value)), name).toBe(vector[name]);
  }
});

const vectors = readVectors<Record<string, string>>("messages");

describe.skipIf(vectors.length === 0)("the structures of messages.json", () => {
  it.each(Object.entries(structures))("%s cut short or with a byte too many is refused", (name, codec) => {
    for (const vector of vectors.slice(0, 3)) {
      const bytes = hex(vector[name] as string);
      const step = Math.max(1, Math.floor(bytes.length / 200));
      for (let length = 0; length < bytes.length; length += step) {
        expect(() => decode(codec, bytes.subarray(0, length))).toThrow(DecodeError);
      }
      expect(() => decode(codec, Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
    }
  });

  it("a message with any one byte changed decodes to what encodes to the same bytes, or is refused", () => {
    for (const [name, codec] of Object.entries(structures)) {
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
