// RFC 9420 §16.7: what an object shows to a log or a serialiser: a private key's handle, or an error.
import { equalBytes, holds, toHex } from "./assert.js";

/** So many bytes of a secret at its beginning or its end are enough to give it away. */
const PART = 8;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base64 of whole groups of three bytes. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i + 2 < bytes.length; i += 3) {
    const [a, b, c] = bytes.subarray(i, i + 3) as unknown as [number, number, number];
    const bits = (a << 16) | (b << 8) | c;
    for (const shift of [18, 12, 6, 0]) text += ALPHABET[(bits >> shift) & 63];
  }
  return text;
}

/** What to look for: a secret in the forms that it takes in texts and in memory. */
interface Sought {
  readonly name: string;
  readonly parts: readonly Uint8Array[];
  /** Of a text without spaces: hexadecimal in small letters, numbers in a list, base64. */
  readonly hex: readonly string[];
  readonly decimal: readonly string[];
  readonly base64: string;
  readonly number: bigint;
  readonly reversed: bigint;
}

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes) || "0"}`);

function sought(name: string, secret: Uint8Array): Sought {
  const parts = [secret.slice(0, PART), secret.slice(-PART)];
  return {
    name,
    parts,
    hex: parts.map(toHex),
    decimal: parts.map((part) => part.join()),
    base64: base64(secret.slice(0, 9)),
    number: toNumber(secret),
    reversed: toNumber(Uint8Array.from(secret).reverse()),
  };
}

function within(bytes: Uint8Array, part: Uint8Array): boolean {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (bytes[at] === part[0] && equalBytes(bytes.slice(at, at + part.length), part)) return true;
  }
  return false;
}

function inText(text: string, { hex, decimal, base64 }: Sought): boolean {
  const dense = text.replace(/\s/g, "");
  const lower = dense.replace(/0x|,/gi, "").toLowerCase();
  return (
    hex.some((part) => lower.includes(part)) ||
    // What JSON makes of a Uint8Array has the place before each number.
    decimal.some((part) => dense.replace(/"?\d+"?:/g, "").includes(part)) ||
    dense.replaceAll("-", "+").replaceAll("_", "/").includes(base64)
  );
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const isList = Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");
  return isList ? Uint8Array.from(value as number[]) : undefined;
}

/** What a log or a serialiser makes of an object, as far as it may be asked. */
function texts(value: object): unknown[] {
  const asked = [
    () => JSON.stringify(value),
    () => String(value),
    () => {
      const inspect = (value as Record<symbol, unknown>)[Symbol.for("nodejs.util.inspect.custom")];
      return typeof inspect === "function" ? inspect.call(value, 2, {}, String) : undefined;
    },
  ];
  return asked.map((ask) => {
    try {
      return ask();
    } catch {
      return undefined;
    }
  });
}

/** All that is reached from a value by its own properties, hidden ones and symbols too, maps and sets. */
function* reached(root: unknown): Generator<readonly [value: unknown, path: string]> {
  const seen = new Set<unknown>();
  const next: [value: unknown, path: string, depth: number][] = [[root, "it", 0]];
  for (let one = next.shift(); one !== undefined; one = next.shift()) {
    const [value, path, depth] = one;
    if (typeof value !== "object" || value === null) {
      yield [value, path];
      continue;
    }
    if (seen.has(value) || depth > 5) continue;
    seen.add(value);
    yield [value, path];
    if (bytesOf(value) !== undefined) continue;
    for (const text of texts(value)) next.push([text, `${path} as a text`, depth + 1]);
    if (value instanceof Map || value instanceof Set) {
      for (const entry of value) next.push([entry, `${path}'s entries`, depth + 1]);
    }
    for (const key of Reflect.ownKeys(value)) {
      try {
        next.push([Reflect.get(value, key), `${path}.${String(key)}`, depth + 1]);
      } catch {}
    }
  }
}

/** Claims that nothing shows one of some secrets, whole or in part. */
export function hides(value: unknown, what: string, secrets: Readonly<Record<string, Uint8Array>>): void {
  const all = Object.entries(secrets).map(([name, secret]) => sought(name, secret));
  for (const [one, path] of reached(value)) {
    const bytes = typeof one === "object" && one !== null ? bytesOf(one) : undefined;
    for (const secret of all) {
      const shows =
        (typeof one === "string" && inText(one, secret)) ||
        (typeof one === "bigint" && (one === secret.number || one === secret.reversed)) ||
        (bytes !== undefined && secret.parts.some((part) => within(bytes, part)));
      holds(!shows, `${what} shows ${secret.name}: ${path}`);
    }
  }
}

/** Claims that nothing that a log or a serialiser sees of a handle holds the private key. */
export function showsNothing(handle: object, privateKey: Uint8Array): void {
  hides(handle, "the handle", { "the private key": privateKey });
}
