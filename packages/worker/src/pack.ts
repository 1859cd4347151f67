// RFC 9420 doesn't cover this: values on their way between threads. Byte arrays are transferred. Groups, functions and
// signals stay where they are: a list beside the value says what belongs in which place.
import { type AbortSignalLike, MlsError } from "@copse/core";
import { bytes, count, either, list, literal, object, record, type ShapeOf, text } from "./schema.js";

/** The names of the properties and the indices that lead to a place in a value. */
const Path = /* @__PURE__ */ list(/* @__PURE__ */ either(text, count));

/** What belongs in a place of a packed value. A value can't contain one: what looks like it there is data. */
export const Reference = /* @__PURE__ */ either(
  /* @__PURE__ */ record({ kind: literal("group"), path: Path, id: text }),
  /* @__PURE__ */ either(
    /* @__PURE__ */ record({ kind: literal("callback"), path: Path, id: count }),
    /* @__PURE__ */ record({ kind: literal("signal"), path: Path }),
  ),
);
export type Reference = ShapeOf<typeof Reference>;

/** How the sending side names its own groups, functions and signals. */
export interface Sender {
  /** The ID of a group; `undefined` if the object isn't one. */
  group(value: object): string | undefined;
  /** Keeps a function that the other side may call. @returns its number */
  callback(call: (...args: readonly unknown[]) => unknown): number;
  /** Takes note of the signal that ends a call. */
  signal(signal: AbortSignalLike): void;
}

/** How the receiving side finds what a reference names. */
export interface Receiver {
  group(id: string): unknown;
  callback(id: number): (...args: readonly unknown[]) => Promise<unknown>;
  signal(): AbortSignalLike;
}

/** The functions that may be called across threads: those whose result may be a promise. */
const CALLBACKS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "validate",
  "isSuccessor",
  "sign",
  "externalPsk",
]);

/** How deep a value may be nested. */
const MAX_DEPTH = 64;

/** A value that can be posted, what stays here, and the buffers to transfer. */
export interface Packed {
  readonly value: unknown;
  readonly references: readonly Reference[];
  readonly transfer: ArrayBuffer[];
}

/**
 * A value as it can be posted. Each byte array is copied once, and the copy is transferred. Posting the array itself
 * would also clone the whole buffer behind it, which may be the memory of a WASM instance.
 * @param ownedDepth byte arrays down to this depth belong to the receiver already, and are transferred without a copy
 * @throws MlsError `usage` for a function that can't be called from another thread
 */
export function pack(value: unknown, sender: Sender, ownedDepth = 0): Packed {
  const transfer: ArrayBuffer[] = [];
  const references: Reference[] = [];
  return { value: walk(value, []), references, transfer };

  function walk(one: unknown, path: Reference["path"]): unknown {
    if (typeof one === "function") {
      const place = path.length === 0 ? "the value" : path.join(".");
      const instead =
        "the worker can't call it and wait; pass what it chooses, such as leaf indices or references";
      throw new MlsError(
        "usage",
        `expected a value that can be cloned, got a function: ${place}: ${instead}`,
      );
    }
    if (!object(one)) return one;
    if (path.length > MAX_DEPTH) {
      throw new MlsError("usage", `expected a value of at most ${MAX_DEPTH} levels, got a deeper one`);
    }
    if (bytes(one)) return transferable(one, path.length < ownedDepth);
    if (Array.isArray(one)) return one.map((item, index) => walk(item, [...path, index]));
    const id = sender.group(one);
    if (id !== undefined) return void references.push({ kind: "group", path, id });
    if (isSignal(one)) {
      sender.signal(one);
      return void references.push({ kind: "signal", path });
    }
    const names = namesOf(one);
    // Dates, maps and CryptoKeys: structured cloning copies them.
    if (names === undefined) return one;
    // Not by assignment, which would take a property `__proto__` for the prototype.
    return Object.fromEntries(names.map((name) => [name, walkProperty(one, name, [...path, name])]));
  }

  function walkProperty(owner: object, name: string, path: Reference["path"]): unknown {
    const field: unknown = Reflect.get(owner, name);
    if (typeof field !== "function" || !CALLBACKS.has(name)) return walk(field, path);
    const id = sender.callback((...args) => Reflect.apply(field, owner, args));
    return void references.push({ kind: "callback", path, id });
  }

  function transferable(array: Uint8Array, owned: boolean): Uint8Array {
    const whole = array.byteLength === array.buffer.byteLength && array.buffer instanceof ArrayBuffer;
    const sent = owned && whole ? array : new Uint8Array(array);
    // Not a SharedArrayBuffer: either that was just checked, or the array is a new one.
    transfer.push(sent.buffer as ArrayBuffer);
    return sent;
  }
}

/**
 * The value that {@link pack} was given, on the other side. Only the places that the references name are changed.
 * @throws MlsError `usage` for a reference to a place that isn't there
 */
export function unpack(value: unknown, references: readonly Reference[], receiver: Receiver): unknown {
  const root = { value };
  for (const reference of references) {
    const path: Reference["path"] = ["value", ...reference.path];
    let owner: unknown = root;
    for (const name of path.slice(0, -1)) owner = placeIn(owner, name)[name];
    const last = path.at(-1) as string | number;
    placeIn(owner, last)[last] = named(reference, receiver);
  }
  return root.value;
}

function named(reference: Reference, receiver: Receiver): unknown {
  switch (reference.kind) {
    case "group":
      return receiver.group(reference.id);
    case "callback":
      return receiver.callback(reference.id);
    case "signal":
      return receiver.signal();
  }
}

/** @throws MlsError `usage` if the object has no such property of its own */
function placeIn(owner: unknown, name: string | number): Record<string | number, unknown> {
  if (!object(owner) || !Object.hasOwn(owner, name))
    throw new MlsError("usage", "expected a reference to a place in the value, got one to no place");
  return owner as Record<string | number, unknown>;
}

function isSignal(value: object): value is object & AbortSignalLike {
  const { aborted, addEventListener } = value as Partial<AbortSignalLike>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The names of the properties that are sent; `undefined` if the object is cloned as it is. */
function namesOf(value: object): readonly string[] | undefined {
  const { sign, validate } = value as { sign?: unknown; validate?: unknown };
  // A signer or an authentication service may be an instance of a class: its methods are no own properties.
  if (typeof sign === "function") return ["algorithm", "publicKey", "sign"];
  if (typeof validate === "function") {
    return ["validate", ...["isSuccessor", "sameClient"].filter((name) => name in value)];
  }
  return isPlain(value) ? Object.keys(value) : undefined;
}
