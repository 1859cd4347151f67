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

export const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array();

/** Numbers from 0, so many. */
export const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Lower-case hexadecimal. */
export const hex = (value: Uint8Array): string =>
  Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");

function shown(value: Uint8Array): string {
  return `${value.length} bytes ${hex(value.subarray(0, 16))}${value.length > 16 ? "..." : ""}`;
}

/** Checks that bytes are these. */
export function same(got: unknown, expected: Uint8Array, what: string): void {
  if (Object.prototype.toString.call(got) !== "[object Uint8Array]")
    fail(`${what}: expected a Uint8Array, got ${got === null ? "null" : typeof got}`);
  const found = got as Uint8Array;
  if (found.length !== expected.length || !found.every((byte, i) => byte === expected[i]))
    fail(`${what}: expected ${shown(expected)}, got ${shown(found)}`);
}

const shortly = (value: unknown) => {
  const text = Array.isArray(value) ? `${value.length}: ${value.join(" ")}` : String(value);
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
    if (!(error instanceof DeliveryError)) fail(`${what}: expected ${expected}, got ${String(error)}`);
    if (![codes].flat().includes(error.code))
      fail(`${what}: expected ${expected}, got ${error.code}: ${error.message}`);
    return;
  }
  fail(
    `${what}: expected ${expected}, got ${shortly(typeof got === "object" ? JSON.stringify(got, textFor) : got)}`,
  );
}

const textFor = (_: string, value: unknown) =>
  typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? hex(value) : value;
