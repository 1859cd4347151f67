// Byte strings: text, copies, comparison, concatenation, and the overwriting of secrets. Providers get what they need
// of it with their interface.
import type { Bytes, Owned } from "./byte-types.js";
import { MlsError } from "./errors.js";

export type { ByteArray, Bytes, Owned } from "./byte-types.js";

const textEncoder = /* @__PURE__ */ new TextEncoder();

/** The UTF-8 encoding of a string. */
export function utf8(text: string): Bytes {
  return textEncoder.encode(text);
}

/** The bytes of an ASCII string, such as a label. */
export function ascii(text: string): Bytes {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The empty byte string. Safe to share, because it has no byte to change. */
export const EMPTY: Bytes = /* @__PURE__ */ new Uint8Array(0);

/** Whether two byte strings are equal. Not for secrets: it returns at the first difference. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two MACs or secrets are equal, in a time that depends only on their length. */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Concatenates byte strings in a new array. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
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

/**
 * Memory for a secret: `length` zero bytes that can be overwritten for good. V8 keeps the bytes of an array of at most 64
 * bytes in its heap, copies them when it collects garbage, and leaves the copies behind (docs/decisions/secret-memory.md).
 */
export function secretBytes(length: number): Bytes {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A copy of a secret, in such memory. */
export function copySecret(secret: Uint8Array): Bytes {
  const copy = secretBytes(secret.length);
  copy.set(secret);
  return copy;
}

/** Copies of secrets that are kept together, in one piece of such memory. */
export function copySecrets(secrets: readonly Uint8Array[]): Bytes[] {
  let length = 0;
  for (const secret of secrets) length += secret.length;
  const memory = secretBytes(length);
  let at = 0;
  return secrets.map((secret) => {
    const copy = memory.subarray(at, at + secret.length);
    copy.set(secret);
    at += secret.length;
    return copy;
  });
}

/** The size of a piece of memory that copies of secrets share, in bytes. */
const SHARED = 2048;

/** Copies a secret: each into memory of its own, or all into pieces of memory that they share. */
export type CopySecret = (secret: Uint8Array) => Bytes;

/** A {@link CopySecret} for what is read together and kept about as long: to ask for memory takes longer than to copy. */
export function sharedCopies(): CopySecret {
  let memory = EMPTY;
  let at = 0;
  return (secret) => {
    if (secret.length > memory.length - at) {
      memory = secretBytes(Math.max(SHARED, secret.length));
      at = 0;
    }
    const copy = memory.subarray(at, at + secret.length);
    copy.set(secret);
    at += secret.length;
    return copy;
  };
}

/** Moves secrets that are kept together into one piece of such memory, and overwrites them where they were. */
export function moveSecrets(secrets: readonly Uint8Array[]): Bytes[] {
  const moved = copySecrets(secrets);
  wipe(...secrets);
  return moved;
}

/** Overwrites secrets with zeros. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}

/**
 * A copy of plain data with all byte strings in it. What passes between the application and a state is copied: whoever
 * writes to it must not change the state.
 */
export function copied<T>(value: T): Owned<T>;
export function copied(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value as Uint8Array);
  if (Array.isArray(value)) return value.map(copied);
  // It has a field named __proto__ as its own already: else to assign that would set the prototype.
  const copy: Record<string, unknown> = { ...value };
  for (const name of Object.keys(copy)) copy[name] = copied(copy[name]);
  return copy;
}

/** @param text as {@link toHex} makes it */
export function fromHex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  // In pieces: a string that grows by a byte at a time takes 30 times its length.
  for (let start = 0; start < bytes.length; start += PIECE) {
    const end = Math.min(start + PIECE, bytes.length);
    const codes = new Uint8Array(2 * (end - start));
    for (let i = start, at = 0; i < end; i++) {
      const byte = bytes[i] as number;
      codes[at++] = hexDigit(byte >> 4);
      codes[at++] = hexDigit(byte & 15);
    }
    text += Reflect.apply(String.fromCharCode, undefined, codes);
  }
  return text;
}

const PIECE = 1024;
/** The ASCII code of a hexadecimal digit. */
const hexDigit = (value: number): number => value + (value < 10 ? 0x30 : 0x57);

// Not by `...bytes`, which takes nine times as long.
const characters = (bytes: Uint8Array): string => Reflect.apply(String.fromCharCode, undefined, bytes);

/** A string that is equal for equal bytes, as the key of a map: one character for each byte. */
export function mapKey(bytes: Uint8Array): string {
  // A view of all of a public key would take longer than the rest.
  if (bytes.length <= PIECE) return characters(bytes);
  let text = "";
  for (let start = 0; start < bytes.length; start += PIECE)
    text += characters(bytes.subarray(start, start + PIECE));
  return text;
}

/**
 * Checks that an argument is a Uint8Array, also one of another realm (a frame, a test environment), where
 * `instanceof` fails. Returns a plain Uint8Array over the same memory: its `slice` copies, that of a Buffer does not.
 * @param what the argument's name, for the error
 * @param max the most bytes
 * @throws MlsError `usage` for any other value, `limit` for more bytes
 */
export function needBytes(value: unknown, what: string, max = Number.POSITIVE_INFINITY): Uint8Array {
  const bytes = bytesOf(value, what);
  if (bytes.length > max)
    throw new MlsError("limit", `${what}: expected at most ${max} bytes, got ${bytes.length}`);
  return bytes;
}

/** Whether a view of memory is a Uint8Array, also one of another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  if (!ArrayBuffer.isView(value)) return false;
  return value instanceof Uint8Array || Object.prototype.toString.call(value) === "[object Uint8Array]";
}

function bytesOf(value: unknown, what: string): Uint8Array {
  if (value?.constructor === Uint8Array) return value as Uint8Array;
  if (isBytes(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  throw new MlsError("usage", `${what} must be a Uint8Array, got ${value === null ? "null" : typeof value}`);
}
