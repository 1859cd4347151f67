// RFC 9420 §16.8: random bytes of the platform's source.
import type { Bytes } from "@copse/core/provider";

/** The most that one call of `crypto.getRandomValues` gives. */
const QUOTA = 65_536;

/** Short requests are filled here first: V8 keeps short arrays in its heap, and moves them before a platform can write to them. */
const scratch = /* @__PURE__ */ new Uint8Array(128);

/** `length` random bytes. @param fill fills an array of at most 65,536 bytes from the random source */
export function randomBytes(length: number, fill: (bytes: Bytes) => unknown): Bytes {
  const bytes = new Uint8Array(length);
  if (length > 0 && length <= scratch.length) {
    const part = scratch.subarray(0, length);
    fill(part);
    bytes.set(part);
    part.fill(0);
    return bytes;
  }
  for (let at = 0; at < length; at += QUOTA) fill(bytes.subarray(at, at + QUOTA));
  return bytes;
}
