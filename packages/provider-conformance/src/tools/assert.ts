// RFC 9420 §5.1: assertions of the checks, and helpers for good and bad input. Only ECMAScript.
import { CryptoError, equalBytes, MlsError, toHex } from "@copse/core/provider";
import { describe, fail } from "../check.js";

export { ascii, concat, EMPTY, equalBytes, toHex } from "@copse/core/provider";

/** The bytes of a hexadecimal string. */
export function hex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** `length` bytes, each the same. */
export const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

/** `length` pseudo-random bytes, the same in each run. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** A copy with one bit changed, counted from the lowest bit of the first byte. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = bit >> 3;
  copy[at] = (copy[at] as number) ^ (1 << (bit & 7));
  return copy;
}

/** Copies with one bit changed each: of every byte if there are few, else of eight spread over all. */
export function* damaged(bytes: Uint8Array, most = 8): Generator<Uint8Array> {
  const count = Math.min(most, bytes.length);
  for (let i = 0; i < count; i++) {
    const at = count < 2 ? 0 : Math.round((i * (bytes.length - 1)) / (count - 1));
    yield flipped(bytes, 8 * at + ((3 * i) & 7));
  }
}

/** A short number over many byte strings, by which to compare them with known ones. Not cryptography. */
export function checksum(parts: Iterable<Uint8Array>): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (const part of parts) {
    for (const byte of part) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul((b ^ byte) >>> 0, 0x5bd1e995);
      b ^= b >>> 13;
    }
    a = Math.imul(a ^ part.length, 0x01000193);
  }
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

/** `from`, `from + 1`, … up to `to`. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Bytes to show to people: all of them if they are few. */
const shown = (bytes: Uint8Array): string =>
  bytes.length <= 64 ? toHex(bytes) || "nothing" : `${toHex(bytes.subarray(0, 24))}… (${bytes.length} bytes)`;

/** Claims that something holds. */
export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) fail(otherwise);
}

/** Claims that a value is what it should be. */
export function is(got: unknown, wanted: unknown, what: string): void {
  if (!Object.is(got, wanted)) fail(`${what} is ${String(got)}, not ${String(wanted)}`);
}

/** Claims that bytes are what they should be; these may be given in hexadecimal. */
export function equal(got: Uint8Array, wanted: Uint8Array | string, what: string): void {
  const bytes = typeof wanted === "string" ? hex(wanted) : wanted;
  if (!(got instanceof Uint8Array)) fail(`${what} is no Uint8Array`);
  if (!equalBytes(got, bytes)) fail(`${what} is ${shown(got)}, not ${shown(bytes)}`);
}

/** Claims that two byte strings differ. */
export function differs(a: Uint8Array, b: Uint8Array, what: string): void {
  if (equalBytes(a, b)) fail(what);
}

/** Claims that there are as many bytes as there should be. */
export function hasLength(got: Uint8Array, length: number, what: string): void {
  if (!(got instanceof Uint8Array)) fail(`${what} is no Uint8Array`);
  if (got.length !== length) fail(`${what} has ${got.length} bytes, not ${length}`);
}

/** The error that a call throws, or rejects with; `undefined` if it answers. */
export async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error ?? new Error("nothing was thrown");
  }
  return undefined;
}

/** Claims that a call ends with a CryptoError, thrown or as a rejected promise. */
export async function refuses(what: string, call: () => unknown): Promise<void> {
  const error = await errorOf(call);
  if (error === undefined) fail(`${what}: was not refused`);
  if (!isCryptoError(error)) fail(`${what}: not a CryptoError, but ${describe(error)}`);
}

/** Claims that a call ends with an MlsError of one of these codes. */
export async function refusedBy(
  codes: readonly MlsError["code"][],
  what: string,
  call: () => unknown,
): Promise<void> {
  const error = await errorOf(call);
  if (error === undefined) fail(`${what}: was not refused`);
  if (!(error instanceof MlsError && codes.includes(error.code))) {
    fail(`${what}: expected the code ${codes.join(" or ")}, got ${describe(error)}`);
  }
}

/** Whether it is a CryptoError, and has the code that one has. */
export function isCryptoError(error: unknown): boolean {
  return error instanceof CryptoError && error.code === "crypto";
}

/** What a call answers, or `undefined` if it ends with an MlsError of this code. Other errors pass. */
export async function unless<T>(code: MlsError["code"], call: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof MlsError && error.code === code) return undefined;
    throw error;
  }
}
