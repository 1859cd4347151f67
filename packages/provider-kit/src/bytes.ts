// RFC 9180 §4: checks of byte strings.
import { CryptoError } from "@copse/core/provider";

/** Whether all bytes are zero, in a time that depends on the length alone. */
export function isZero(bytes: Uint8Array): boolean {
  let union = 0;
  for (const byte of bytes) union |= byte;
  return union === 0;
}

/**
 * Refuses a byte string of the wrong size.
 * @throws CryptoError with `what`, the size expected and the size given
 */
export function expectLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new CryptoError(`${what}: expected ${length} bytes, got ${bytes.length}`);
  }
}

/** A Buffer's bytes as a plain array whose memory is its own: copied only if the Buffer is a part of a larger memory. */
export function ownBytes(buffer: Uint8Array): Uint8Array {
  return buffer.buffer instanceof ArrayBuffer && buffer.buffer.byteLength === buffer.length
    ? new Uint8Array(buffer.buffer)
    : new Uint8Array(buffer);
}
