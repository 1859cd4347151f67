// Entries to write, and comparisons that say what was expected and what came.
import type { ClientStorage, StorageChange, VersionStep } from "@copse/core/storage";
import { fail } from "./check.js";

/** A byte for each character. */
export const bytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** The text of {@link bytes}. */
export const textOf = (value: Uint8Array | undefined): string => String.fromCharCode(...(value ?? []));

export const put = (key: string, value: Uint8Array | string): StorageChange => ({
  key,
  value: typeof value === "string" ? bytes(value) : value,
});

export const drop = (key: string): StorageChange => ({ key, value: undefined });

export const step = (key: string, from: string | undefined, to: string | undefined): VersionStep => ({
  key,
  from: from === undefined ? undefined : bytes(from),
  to: to === undefined ? undefined : bytes(to),
});

/** Bytes that differ from place to place, and by the seed. */
export function pattern(length: number, seed = 0): Uint8Array {
  const made = new Uint8Array(length);
  for (let i = 0; i < length; i++) made[i] = (i * 31 + (i >>> 8) * 17 + (i >>> 16) + seed) & 0xff;
  return made;
}

function shown(value: Uint8Array | undefined): string {
  if (value === undefined) return "nothing";
  const first = Array.from(value.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${value.length} bytes ${first}${value.length > 16 ? "..." : ""}`;
}

export function same(got: unknown, expected: Uint8Array | undefined, what: string): void {
  if (got === undefined && expected === undefined) return;
  if (got !== undefined && !(got instanceof Uint8Array))
    fail(`${what}: expected a Uint8Array or undefined, got ${got === null ? "null" : typeof got}`);
  const isSame =
    got?.length === expected?.length && got?.every((byte, i) => byte === (expected as Uint8Array)[i]);
  if (isSame !== true) fail(`${what}: expected ${shown(expected)}, got ${shown(got)}`);
}

/** Makes a write that must be made. */
export async function make(
  storage: ClientStorage,
  changes: readonly StorageChange[],
  ...steps: readonly VersionStep[]
): Promise<void> {
  const answer = await storage.write(changes, steps);
  if (answer !== true) fail(`write: expected true, got ${String(answer)}`);
}

/** Makes a write that must be refused. */
export async function refuse(
  storage: ClientStorage,
  changes: readonly StorageChange[],
  ...steps: readonly VersionStep[]
): Promise<void> {
  const answer = await storage.write(changes, steps);
  if (answer !== false) fail(`write from another version: expected false, got ${String(answer)}`);
}

/** Checks that an entry is there, by both ways to read it. */
export async function has(
  storage: ClientStorage,
  key: string,
  value: Uint8Array | string | undefined,
): Promise<void> {
  const expected = typeof value === "string" ? bytes(value) : value;
  same(await storage.get(key), expected, `get(${key.slice(0, 40)})`);
  const found = (await storage.list(key)).find((one) => one.key === key);
  same(found?.value, expected, `list(${key.slice(0, 40)})`);
}

/** Checks which keys a list has, in their order. */
export async function lists(storage: ClientStorage, prefix: string, keys: readonly string[]): Promise<void> {
  const got = (await storage.list(prefix)).map(({ key }) => key);
  if (got.length === keys.length && got.every((key, i) => key === keys[i])) return;
  const some = (all: readonly string[]) => all.slice(0, 20).join(" ");
  fail(`list("${prefix}"): expected ${keys.length} keys: ${some(keys)}; got ${got.length}: ${some(got)}`);
}
