// RFC 9420 doesn't cover this: values on their way between threads. Byte arrays are transferred; groups and
// functions stay where they are, and a marker is sent in their place.
import { MlsError } from "@copse/core";

/** Sent in the place of a group or a function. */
export type Marker =
  | { readonly $copse: "callback"; readonly id: number }
  | { readonly $copse: "group"; readonly id: string };

/** How the sending side names its own groups and functions. */
export interface Sender {
  /** The ID of a group; `undefined` if the object isn't one. */
  group(value: object): string | undefined;
  /** Keeps a function that the other side may call. @returns its number */
  callback(call: (...args: readonly unknown[]) => unknown): number;
}

/** How the receiving side finds what a marker names. */
export interface Receiver {
  group(id: string): unknown;
  callback(id: number): (...args: readonly unknown[]) => Promise<unknown>;
}

/** The functions that may be called across threads: those whose result may be a promise. */
const CALLBACKS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  "validate",
  "isSuccessor",
  "sign",
  "externalPsk",
]);

/** A value that can be posted, and the buffers to transfer with it. */
export interface Packed {
  readonly value: unknown;
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
  return { value: walk(value, "the value", ownedDepth), transfer };

  function walk(one: unknown, name: string, owned: number): unknown {
    if (typeof one === "function")
      throw new MlsError("usage", `expected a value that can be cloned, got a function: ${name}`);
    if (typeof one !== "object" || one === null) return one;
    if (isBytes(one)) return transferable(one, owned > 0);
    if (Array.isArray(one)) return one.map((item) => walk(item, `an element of ${name}`, owned - 1));
    const group = sender.group(one);
    if (group !== undefined) return { $copse: "group", id: group } satisfies Marker;
    const keys = keysOf(one);
    // Dates, maps and CryptoKeys: structured cloning copies them.
    if (keys === undefined) return one;
    const object = one as Record<string, unknown>;
    const copy: Record<string, unknown> = {};
    for (const key of keys) {
      const field = object[key];
      if (typeof field === "function" && CALLBACKS.has(key)) {
        const id = sender.callback((...args) => field.apply(one, args));
        copy[key] = { $copse: "callback", id } satisfies Marker;
      } else copy[key] = walk(field, key, owned - 1);
    }
    return copy;
  }

  function transferable(bytes: Uint8Array, owned: boolean): Uint8Array {
    const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
    const sent = owned && whole ? bytes : new Uint8Array(bytes);
    // Not a SharedArrayBuffer: either that was just checked, or the array is a new one.
    transfer.push(sent.buffer as ArrayBuffer);
    return sent;
  }
}

/** The value that {@link pack} was given, on the other side. */
export function unpack(value: unknown, receiver: Receiver): unknown {
  if (typeof value !== "object" || value === null || isBytes(value)) return value;
  if (Array.isArray(value)) return value.map((item) => unpack(item, receiver));
  if (!isPlain(value)) return value;
  const marker = value as Partial<Marker>;
  if (marker.$copse === "group") return receiver.group(marker.id as string);
  if (marker.$copse === "callback") return receiver.callback(marker.id as number);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, unpack(field, receiver)]));
}

/** Whether a value is a Uint8Array, also one of another realm (where `instanceof` fails) or of a subclass. */
export function isBytes(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The properties of an object that are sent; `undefined` if the object is cloned as it is. */
function keysOf(value: object): readonly string[] | undefined {
  const { sign, validate } = value as { sign?: unknown; validate?: unknown };
  // A signer or an authentication service may be an instance of a class: its methods are no own properties.
  if (typeof sign === "function") return ["algorithm", "publicKey", "sign"];
  if (typeof validate === "function") {
    return ["validate", ...["isSuccessor", "sameClient"].filter((name) => name in value)];
  }
  return isPlain(value) ? Object.keys(value) : undefined;
}
