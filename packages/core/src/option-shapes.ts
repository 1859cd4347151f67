// What options may be. JavaScript has no type checker, and what a call doesn't know must not be ignored.
import { copied, isBytes } from "./bytes.js";
import { MlsError } from "./errors.js";

/** The names in an object, and what is there. The name `[]` stands for each item of an array. */
export type OptionNames = { readonly [name: string]: OptionKind };

/**
 * What a value may be: the name of a type (`bytes` for a Uint8Array, `data` for an object of plain data that is copied
 * whole, `unknown` for any), a string in quotes for that string, `true`, or the names in an object; or a list of such, of
 * which one must fit. With `"!"` in the list, the value must be there.
 */
export type OptionKind = string | OptionNames | readonly (string | OptionNames)[];

/** What each of a type's options may be. The compiler compares the names. */
export type OptionShape<T> = { readonly [K in T extends unknown ? keyof T : never]: OptionKind };

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return ArrayBuffer.isView(value) ? (isBytes(value) ? "bytes" : "another view of bytes") : typeof value;
}

const baseOf = (one: string | OptionNames) =>
  one === "data" ? "object" : typeof one === "string" ? one : "[]" in one ? "array" : "object";

/** A value that must be there. */
export const needed = (kind: string | OptionNames): OptionKind => [kind, "!"];

const kindsOf = (kind: OptionKind) =>
  (Array.isArray(kind) ? kind : [kind]) as readonly (string | OptionNames)[];

/** Whether an object inherits nothing, which would be ignored. One of another realm is plain too. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Refuses what a call doesn't know, and the lack of what it needs, in nested options too. `undefined` stands for an
 * option that isn't given.
 * @returns a copy of what has a shape, with the byte strings in it: that of a call that waits can't change
 * @param path the name of what is checked, for the error. Default: none, for the options of a call
 * @throws MlsError `usage`, which says what is known there
 * @example
 * checkOptions(options, { extractable: "boolean", hashing: ['"fast"', '"native"'] });
 */
export function checkOptions<T>(options: T, kind: OptionKind, path = ""): T {
  const got = typeOf(options);
  const kinds = kindsOf(kind);
  const literal = got === "string" ? `"${options}"` : `${options === true}`;
  if (kind === "unknown" || kinds.includes(got) || kinds.includes(literal)) {
    return (got === "bytes" ? copied(options) : options) as T;
  }
  if (got === "object" && kinds.includes("data")) return copied(options) as T;
  const shapes = kinds.filter((one): one is OptionNames => typeof one === "object" && baseOf(one) === got);
  const isOfClass = got === "object" && !isPlain(options as object);
  if (shapes.length === 0 || isOfClass) {
    const expected = [...new Set(kinds.filter((one) => one !== "!").map(baseOf))].join(" or ");
    const what = isOfClass ? "one of a class" : got;
    throw new MlsError("usage", `${path || "options"}: expected ${expected}, got ${what}`);
  }
  if (Array.isArray(options)) {
    const item = shapes[0]?.["[]"] as OptionKind;
    // Not by map(), which leaves holes out.
    return Array.from<unknown, unknown>(options, (one, i) => checkOptions(one, item, `${path}[${i}]`)) as T;
  }
  const copy: Record<string, unknown> = {};
  const names = Object.keys(options as object);
  // The shape that the first known name is of: what is of another one doesn't go with it.
  const found = shapes.find((one) => shapes.length < 2 || names.some((name) => Object.hasOwn(one, name)));
  const shape = found ?? (Object.assign({}, ...shapes) as OptionNames);
  const refuse = (what: string): never => {
    throw new MlsError("usage", what + Object.keys(shape).join(", "));
  };
  const others = Object.keys(shape).filter((name) => !names.includes(name));
  for (const name of [...names, ...others]) {
    const at = `${path && `${path}.`}${name.slice(0, 64)}`;
    const value: unknown = Reflect.get(options as object, name);
    if (!Object.hasOwn(shape, name)) refuse(`there is no option "${at}" here, only `);
    const kind = shape[name] as OptionKind;
    if (value !== undefined || kindsOf(kind).includes("!")) copy[name] = checkOptions(value, kind, at);
  }
  if (shapes.length > 1 && Object.keys(copy).length === 0) refuse(`${path || "options"}: expected one of `);
  return copy as T;
}
