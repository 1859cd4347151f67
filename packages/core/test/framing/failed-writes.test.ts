// RFC 9420 §6: what was written to a working buffer is overwritten, and the buffer used again, if writing fails too.
import { isZero, utf8 } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Codec, encode } from "../../src/codec/codec.js";
import { Writer } from "../../src/codec/writer.js";
import { signWithLabel } from "../../src/crypto/labelled.js";
import { framedContentTBS, signContent, verifyContent } from "../../src/framing/authentication.js";
import { sealPrivate } from "../../src/framing/private-message.js";
import { confirmedTranscriptHash, interimTranscriptHash } from "../../src/schedule/transcript.js";
import { hashInto } from "../../src/tree/tree-hash.js";
import { WireFormat } from "../../src/wire/framed-content.js";
import { application, party } from "./party.js";

const provider = nodeSuite(1);
const { privateMessage } = WireFormat;
const group = await party(provider);
const secret = utf8("the plaintext of a message");
const signed = await group.authenticate(privateMessage, application("the plaintext of a message"));
/** Nothing that could be written. */
const nothing = {} as Uint8Array;
const unsigned = { ...signed, auth: { ...signed.auth, signature: nothing } };

/** What stands in the buffers that were written to. */
let buffers: Uint8Array[] = [];
beforeEach(() => {
  const { raw } = Writer.prototype;
  vi.spyOn(Writer.prototype, "raw").mockImplementation(function (this: Writer, value) {
    raw.call(this, value);
    buffers.push(this.view());
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  buffers = [];
});

const failing: Codec<Uint8Array> = {
  write(writer, value) {
    writer.raw(value);
    throw new Error("a codec of an extension fails");
  },
  read: () => secret,
};

it.each<[string, () => unknown]>([
  ["encode", () => encode(failing, secret)],
  ["framedContentTBS", () => framedContentTBS(privateMessage, signed.content, undefined)],
  ["signContent", () => signContent(group.signer, privateMessage, signed.content, undefined)],
  ["verifyContent", () => verifyContent(provider, signed, undefined, group.signer.publicKey)],
  ["signWithLabel", () => signWithLabel(group.signer, "a label", nothing)],
  ["sealPrivate", () => sealPrivate(provider, unsigned, { ...group.keys(), isAlone: false }, 0)],
  ["confirmedTranscriptHash", () => confirmedTranscriptHash(provider, secret, unsigned)],
  ["interimTranscriptHash", () => interimTranscriptHash(provider, secret, nothing)],
  ["hashInto", () => hashInto(provider, [{ hash: undefined }], (writer) => failing.write(writer, secret))],
])("%s", async (_, work) => {
  await expect((async () => work())()).rejects.toThrow();
  const last = buffers.at(-1) ?? expect.fail("nothing was written");
  expect(last.length).toBeGreaterThan(0);
  expect(buffers.filter((one) => !isZero(one))).toEqual([]);
  const next = new Writer();
  next.uint8(1);
  expect(next.view().buffer).toBe(last.buffer);
  next.release();
});
