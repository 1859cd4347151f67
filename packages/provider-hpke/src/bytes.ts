// RFC 9420 §5.1: bytes to and from the libraries, and the platform's random source.
import { type Bytes, UnsupportedError } from "@copse/core/provider";
import { randomBytes as fromSource } from "@copse/provider-kit";

/** A copy of an input, which the caller may change while a library works. Not slice(): that of a Buffer shares its memory. */
export const copy = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);

/** An answer of a library. */
export const bytesOf = (buffer: ArrayBufferLike): Bytes => new Uint8Array(buffer as ArrayBuffer);

/** `length` bytes. @throws UnsupportedError where there is no `crypto.getRandomValues` */
export function randomBytes(length: number): Bytes {
  const { crypto } = globalThis;
  if (typeof crypto?.getRandomValues !== "function") {
    throw new UnsupportedError("there is no globalThis.crypto.getRandomValues here");
  }
  return fromSource(length, (bytes) => crypto.getRandomValues(bytes));
}
