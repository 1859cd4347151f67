// Comparisons that say what was expected and what came.
import { DeliveryError, type DeliveryErrorCode } from "@copse/delivery/service";

/** A service doesn't do what the interface asks. */
export class DeliveryConformanceError extends Error {
  override readonly name = "DeliveryConformanceError";
}

/** Ends a check as failed. */
export function fail(detail: string): never {
  throw new DeliveryConformanceError(detail);
}

/** A byte for each character. */
export const bytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** An error, for people. */
export const said = (error: unknown): string =>
  `${String(error)}${error instanceof DeliveryError ? ` (${error.code})` : ""}`;

/** Calls a function that the author has given. @throws DeliveryConformanceError that names it */
export async function authors<T>(name: string, call: () => T): Promise<Awaited<T>> {
  try {
    return await call();
  } catch (error) {
    return fail(`${name}() threw ${said(error)}`);
  }
}

/**
 * A promise that is awaited later, or never. Until then its rejection is nobody's: without this it would end the process. Each promise
 * that a check doesn't await at once goes through here; those of calls have already.
 */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** What kind of value it is: `undefined`, `null`, `object`. */
export const kindOf = (value: unknown): string => (value === null ? "null" : typeof value);

export const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array();

/** Numbers from 0, so many. */
export const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Lower-case hexadecimal. */
export const hex = (value: Uint8Array): string =>
  Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of any realm. */
export const isBytes = (value: unknown): value is Uint8Array =>
  Object.prototype.toString.call(value) === "[object Uint8Array]";

/** A value that nobody expected, for people: `"short"`, `bigint -1`, `Uint8Array(0)`. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 20));
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null)
    return value === undefined || value === null ? `${value}` : `${typeof value} ${String(value)}`;
  const kind = value.constructor?.name ?? "Object";
  return "length" in value ? `${kind}(${value.length})` : kind;
}

/** Bytes in hexadecimal. Of many the beginning, which is framing, and the end, by which they differ. */
const shortHex = (text: string): string =>
  `${text.length / 2} bytes ${text.length > 32 ? `${text.slice(0, 16)}...${text.slice(-16)}` : text}`;

/** Checks that bytes are these. */
export function same(got: unknown, expected: Uint8Array, what: string): void {
  if (!isBytes(got)) fail(`${what}: expected a Uint8Array, got ${kindOf(got)}`);
  if (got.length !== expected.length || !got.every((byte, i) => byte === expected[i]))
    fail(`${what}: expected ${shortHex(hex(expected))}, got ${shortHex(hex(got))}`);
}

/** Lists of bytes are compared as texts, which nobody reads as a whole. */
const LONG_HEX = /^([0-9a-f]{2}){17,}$/;
const item = (value: unknown) =>
  typeof value === "string" && LONG_HEX.test(value) ? shortHex(value) : String(value);

const shortly = (value: unknown) => {
  const text = Array.isArray(value) ? `${value.length}: ${value.map(item).join(" ")}` : item(value);
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
};

/** Checks that a value, or each in a list, is this one. */
export function is<T>(got: T, expected: T, what: string): void {
  const isSame =
    Array.isArray(got) && Array.isArray(expected)
      ? got.length === expected.length && got.every((one, i) => Object.is(one, expected[i]))
      : Object.is(got, expected);
  if (!isSame) fail(`${what}: expected ${shortly(expected)}, got ${shortly(got)}`);
}

/** Checks that a list has these values, in any order. */
export const has = (got: readonly string[], expected: readonly string[], what: string): void =>
  is([...got].sort(), [...expected].sort(), what);

/** Checks that a call is refused with one of these codes. */
export async function refused(
  call: Promise<unknown>,
  codes: DeliveryErrorCode | readonly DeliveryErrorCode[],
  what: string,
): Promise<void> {
  const expected = `a DeliveryError ${[codes].flat().join(" or ")}`;
  let got: unknown;
  try {
    got = await call;
  } catch (error) {
    if (error instanceof DeliveryConformanceError) throw error;
    if (!(error instanceof DeliveryError)) fail(`${what}: expected ${expected}, got ${String(error)}`);
    if (![codes].flat().includes(error.code))
      fail(`${what}: expected ${expected}, got ${error.code}: ${error.message}`);
    return;
  }
  fail(`${what}: expected ${expected}, got the result ${shortly(JSON.stringify(got, textFor))}`);
}

const textFor = (_: string, value: unknown) =>
  typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? shortHex(hex(value)) : value;
