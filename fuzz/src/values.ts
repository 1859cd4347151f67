// Structures as data: their parts by path, changed copies of them, and their form in JSON.
import { type Codec, decode, encode } from "../../packages/core/src/codec/codec.js";
import {
  ExtensionType,
  ExternalPub,
  ExternalSenders,
  RequiredCapabilities,
} from "../../packages/core/src/wire/extension.js";
import { GroupContext } from "../../packages/core/src/wire/group-context.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import { RatchetTreeNodes } from "../../packages/core/src/wire/ratchet-tree.js";

/** A part of a structure: names of fields, indices of lists, and {@link INSIDE}. */
export type Path = readonly (string | number)[];

/** In a path: what the bytes of an extension, or of a field of a saved state, encode. */
export const INSIDE = "@";

export interface Place {
  readonly path: Path;
  readonly value: unknown;
}

/** A path that a structure doesn't have: a step that was found for another input does nothing. */
export class NoSuchPlace extends Error {}

const INNER: ReadonlyMap<number, Codec<unknown>> = new Map<number, Codec<unknown>>([
  [ExtensionType.ratchetTree, RatchetTreeNodes],
  [ExtensionType.requiredCapabilities, RequiredCapabilities],
  [ExtensionType.externalPub, ExternalPub],
  [ExtensionType.externalSenders, ExternalSenders],
]);

/** Fields of saved states that are bytes, and what they encode. */
const SAVED: Readonly<Record<string, Codec<unknown>>> = {
  groupContext: GroupContext,
  keyPackage: MlsMessage,
  tree: RatchetTreeNodes,
};

type Fields = Readonly<Record<string, unknown>>;

export const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isBytes(value);

function codecInside(parent: unknown, key: string | number): Codec<unknown> | undefined {
  if (!isFields(parent)) return undefined;
  return key === "extensionData" ? INNER.get(parent.extensionType as number) : SAVED[key];
}

function tryDecode(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  try {
    return decode(codec, bytes);
  } catch {
    return undefined;
  }
}

/** The encoding of a changed value. @throws NoSuchPlace for a value that doesn't fit */
function encodedInside(codec: Codec<unknown>, value: unknown): Uint8Array {
  try {
    return encode(codec, value);
  } catch {
    throw new NoSuchPlace();
  }
}

/** All parts of a structure, the whole first. */
export function placesIn(whole: unknown, most = 3000): Place[] {
  const places: Place[] = [];
  const visit = (value: unknown, path: Path, codec: Codec<unknown> | undefined): void => {
    if (places.length >= most) return;
    places.push({ path, value });
    if (isBytes(value)) {
      const inner = codec && tryDecode(codec, value);
      if (inner !== undefined) visit(inner, [...path, INSIDE], undefined);
    } else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) visit(item, [...path, i], undefined);
    } else if (isFields(value)) {
      for (const [key, field] of Object.entries(value)) visit(field, [...path, key], codecInside(value, key));
    }
  };
  visit(whole, [], undefined);
  return places;
}

/** A copy in which one part is another. @throws NoSuchPlace */
export function changed(whole: unknown, path: Path, change: (part: unknown) => unknown): unknown {
  const visit = (value: unknown, depth: number, codec: Codec<unknown> | undefined): unknown => {
    const key = path[depth];
    if (key === undefined) return change(value);
    if (isBytes(value)) {
      const inner = key === INSIDE && codec ? tryDecode(codec, value) : undefined;
      if (inner === undefined) throw new NoSuchPlace();
      return encodedInside(codec as Codec<unknown>, visit(inner, depth + 1, undefined));
    }
    if (Array.isArray(value)) {
      if (typeof key !== "number" || key >= value.length) throw new NoSuchPlace();
      return value.map((item, i) => (i === key ? visit(item, depth + 1, undefined) : item));
    }
    if (!isFields(value) || typeof key !== "string" || !Object.hasOwn(value, key)) throw new NoSuchPlace();
    return { ...value, [key]: visit(value[key], depth + 1, codecInside(value, key)) };
  };
  return visit(whole, 0, undefined);
}

/** One part. @throws NoSuchPlace */
export function partAt(whole: unknown, path: Path): unknown {
  let found: unknown;
  changed(whole, path, (part) => {
    found = part;
    return part;
  });
  return found;
}

/** Which parts can stand for each other: those of the same fields, or in the same field. */
export function kindsOf({ path, value }: Place): string[] {
  const names = path.filter((key) => typeof key === "string");
  const name = `${names.at(-1) ?? ""}${typeof path.at(-1) === "number" ? "[]" : ""}`;
  return isFields(value) ? [name, Object.keys(value).join()] : [name];
}

/** A deep copy, whose encoding no codec remembers. */
export function copyOf(value: unknown): unknown {
  if (isBytes(value)) return value.slice();
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copyOf(field)]));
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export function toJson(value: unknown): Json {
  if (isBytes(value)) return { hex: Buffer.from(value).toString("hex") };
  if (typeof value === "bigint") return { big: String(value) };
  if (value === undefined) return { none: true };
  if (Array.isArray(value)) return value.map(toJson);
  if (!isFields(value)) return value as Json;
  return { fields: Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toJson(field)])) };
}

export function fromJson(json: Json): unknown {
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== "object" || json === null) return json;
  const { hex, big, fields } = json as { readonly [key: string]: Json };
  if (typeof hex === "string") return new Uint8Array(Buffer.from(hex, "hex"));
  if (typeof big === "string") return BigInt(big);
  if (fields === undefined) return undefined;
  return Object.fromEntries(Object.entries(fields as object).map(([key, field]) => [key, fromJson(field)]));
}
