// RFC 9420 §2.1: just enough of the presentation language to write a tree by hand.
import { concat } from "./bytes.js";

export function uint(bytes: 1 | 2 | 4 | 8, value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return new Uint8Array(view.buffer, 8 - bytes);
}

/** §2.1.2: a vector of what these encode, with its length before it. */
export function vector(...items: readonly Uint8Array[]): Uint8Array {
  return vectorOf(items);
}

/** As {@link vector}, of more items than a call has arguments. */
export function vectorOf(items: readonly Uint8Array[]): Uint8Array {
  const length = items.reduce((sum, item) => sum + item.length, 0);
  if (length < 0x40) return concat([uint(1, length), ...items]);
  if (length < 0x4000) return concat([uint(2, 0x4000 + length), ...items]);
  return concat([uint(4, 0x80000000 + length), ...items]);
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** §5.1.2: what is signed under a label. */
export const signContent = (label: string, content: Uint8Array): Uint8Array =>
  concat([vector(text(`MLS 1.0 ${label}`)), vector(content)]);
