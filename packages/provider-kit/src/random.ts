// RFC 9420 §16.8: random bytes of the platform's source.

/** What `crypto.getRandomValues` gives at once. */
const QUOTA = 65_536;

/** Where up to so many are written first: engines hold short arrays in a way that a platform can't write to at once. */
const scratch = /* @__PURE__ */ new Uint8Array(128);

/** `length` random bytes, asked of the source now. @param fill is the source: given at most 65,536 bytes to fill */
export function randomBytes(length: number, fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): Uint8Array {
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
