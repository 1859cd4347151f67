// RFC 9420 §2.1.2: variable-size vectors, for the few structures that are encoded here.

/** The bytes of a vector, and the bytes after it. @throws RangeError if the input ends too early */
export function takeVector(bytes: Uint8Array): readonly [content: Uint8Array, rest: Uint8Array] {
  const first = bytes[0] ?? 0;
  const size = 1 << (first >> 6);
  let length = first & 0x3f;
  for (let i = 1; i < size; i++) length = length * 256 + (bytes[i] ?? 0);
  const end = size + length;
  if (size === 8 || bytes.length === 0 || end > bytes.length) throw new RangeError("a vector is cut short");
  return [bytes.slice(size, end), bytes.slice(end)];
}

/** A vector with the shortest encoding of its length. */
export function vector(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    length < 0x40
      ? [length]
      : length < 0x4000
        ? [0x40 | (length >> 8), length & 0xff]
        : [0x80 | (length >> 24), (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export { equalBytes as sameBytes, toHex } from "@copse/core";
