// Bytes: text, copies, comparison, joining, and the overwriting of secrets. What providers need of it too is exported
// with their interface.
import { MlsError } from "./errors.js";

const textEncoder = /* @__PURE__ */ new TextEncoder();

/** UTF-8 of a string. */
export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

/** Whether two MACs or secrets are the same, in a time that depends on their length alone. */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Overwrites secrets that are no longer needed. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}

/** A copy. `slice` gives none of Node's Buffers, which share memory with their slices. */
export function copyOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes);
}

/**
 * A byte array, also of another realm, where `instanceof` says no: a frame, a test environment. The bytes aren't
 * copied, but the result is a plain Uint8Array, whose `slice` copies. That of a Buffer doesn't.
 * @throws MlsError `usage` unless it is a byte array: JavaScript callers have no type checker
 */
export function needBytes(value: unknown, what: string): Uint8Array {
  if (ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]") {
    const { buffer, byteOffset, byteLength } = value;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  throw new MlsError("usage", `expected ${what} as a Uint8Array`);
}

/** The empty byte string. */
export const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** The bytes of an ASCII string, such as a label. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether two public byte strings are the same. Returns at the first difference: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The parts one after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}
