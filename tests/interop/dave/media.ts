// Media frames of Discord's DAVE (version 1), whose keys come from the exporter of RFC 9420 §8.5. Opus frames only: of
// these everything is encrypted.
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

/** The exporter's label; the context is the sender's ID in 8 bytes, little-endian. */
export const SENDER_KEY_LABEL = "Discord Secure Frames v0";
export const SENDER_KEY_SIZE = 16;
const TAG_SIZE = 8;
const MARKER = 0xfafa;

export function littleEndian(userId: string): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(userId));
  return bytes;
}

/** ExpandWithLabel of RFC 9420 §8, for outputs of at most 32 bytes. */
function expandWithLabel(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const full = Buffer.from(`MLS 1.0 ${label}`);
  const info = [Buffer.of(length >> 8, length & 0xff, full.length), full, Buffer.of(context.length), context];
  return createHmac("sha256", secret)
    .update(Buffer.concat([...info, Buffer.of(1)]))
    .digest()
    .subarray(0, length);
}

/** The key of the first generation of a sender's ratchet, which is RFC 9420's (§9.1): for the first 2^24 frames. */
function keyOf(baseSecret: Uint8Array): Uint8Array {
  return expandWithLabel(baseSecret, "key", Buffer.alloc(4), SENDER_KEY_SIZE);
}

/** 12 bytes, of which the last 4 count. */
function nonceOf(counter: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(counter, 8);
  return nonce;
}

function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >>> 7)];
}

/** An encrypted Opus frame: ciphertext, tag, counter, the size of all but the ciphertext, marker. */
export function encryptFrame(baseSecret: Uint8Array, counter: number, frame: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-gcm", keyOf(baseSecret), nonceOf(counter), {
    authTagLength: TAG_SIZE,
  });
  const ciphertext = Buffer.concat([cipher.update(frame), cipher.final()]);
  const count = leb128(counter);
  const trailer = Buffer.of(...count, TAG_SIZE + count.length + 3, MARKER >> 8, MARKER & 0xff);
  return Buffer.concat([ciphertext, cipher.getAuthTag(), trailer]);
}

/** @throws Error if it isn't an encrypted Opus frame, or has another key */
export function decryptFrame(baseSecret: Uint8Array, frame: Uint8Array): Uint8Array {
  const bytes = Buffer.from(frame);
  if (bytes.readUInt16BE(bytes.length - 2) !== MARKER) throw new Error("the frame isn't encrypted");
  const size = bytes[bytes.length - 3] as number;
  const trailer = bytes.subarray(bytes.length - size, bytes.length - 3);
  const tag = trailer.subarray(0, TAG_SIZE);
  let [counter, read] = [0, TAG_SIZE];
  for (let shift = 0; ; shift += 7) {
    const byte = trailer[read++] as number;
    counter += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (read !== trailer.length) throw new Error("a part of the frame is unencrypted");
  const options = { authTagLength: TAG_SIZE };
  const decipher = createDecipheriv("aes-128-gcm", keyOf(baseSecret), nonceOf(counter), options);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - size)), decipher.final()]);
}
