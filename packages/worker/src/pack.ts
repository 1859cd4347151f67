// RFC 9420 has nothing of this: values on their way between threads. Byte arrays move, functions stay and are asked.
import { MlsError } from "@copse/core";

/** What stands for something that stays on the other side. */
export type Marker =
  | { readonly $copse: "callback"; readonly id: number }
  | { readonly $copse: "group"; readonly id: string };

/** What a side makes of its own objects, and of functions that the other side may ask. */
export interface Sender {
  group(value: object): string | undefined;
  callback(call: (...args: readonly unknown[]) => unknown): number;
}

export interface Receiver {
  group(id: string): unknown;
  callback(id: number): (...args: readonly unknown[]) => Promise<unknown>;
}

/** The functions that may be asked across threads: those that may answer by a promise. */
const ASKED: ReadonlySet<string> = /* @__PURE__ */ new Set(["validate", "sign", "externalPsk"]);

/** A value to be sent, with the memory that is to be moved and not copied. */
export interface Packed {
  readonly value: unknown;
  readonly transfer: ArrayBuffer[];
}

/**
 * A value as it can be sent. Byte arrays are copied once and the copies moved: sent as they are, a view would take
 * along all of the memory that it is a view of, up to the whole of a WASM instance.
 * @param own depth down to which byte arrays are the receiver's own anyway, and are moved without a copy
 * @throws MlsError `usage` for a function that can't be asked from another thread
 */
export function pack(value: unknown, sender: Sender, own = 0): Packed {
  const transfer: ArrayBuffer[] = [];
  return { value: walk(value, "a value", own), transfer };

  function walk(one: unknown, name: string, fresh: number): unknown {
    if (typeof one === "function")
      throw new MlsError("usage", `${name} is a function, and can't be sent to a worker`);
    if (typeof one !== "object" || one === null) return one;
    if (isBytes(one)) return move(one, fresh > 0);
    if (Array.isArray(one)) return one.map((item) => walk(item, `an element of ${name}`, fresh - 1));
    const group = sender.group(one);
    if (group !== undefined) return { $copse: "group", id: group } satisfies Marker;
    const keys = keysOf(one);
    // Dates, maps, keys of WebCrypto: as structured cloning has them.
    if (keys === undefined) return one;
    const object = one as Record<string, unknown>;
    const copy: Record<string, unknown> = {};
    for (const key of keys) {
      const field = object[key];
      if (typeof field === "function" && ASKED.has(key)) {
        const id = sender.callback((...args) => field.apply(one, args));
        copy[key] = { $copse: "callback", id } satisfies Marker;
      } else copy[key] = walk(field, key, fresh - 1);
    }
    return copy;
  }

  function move(bytes: Uint8Array, fresh: boolean): Uint8Array {
    const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
    const moved = fresh && whole ? bytes : new Uint8Array(bytes);
    transfer.push(moved.buffer as ArrayBuffer);
    return moved;
  }
}

/** What {@link pack} made, on the other side. */
export function unpack(value: unknown, receiver: Receiver): unknown {
  if (typeof value !== "object" || value === null || isBytes(value)) return value;
  if (Array.isArray(value)) return value.map((item) => unpack(item, receiver));
  if (!isPlain(value)) return value;
  const marker = value as Partial<Marker>;
  if (marker.$copse === "group") return receiver.group(marker.id as string);
  if (marker.$copse === "callback") return receiver.callback(marker.id as number);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, unpack(field, receiver)]));
}

/** Also of another realm, where `instanceof` says no; every subclass of Uint8Array is one. */
export function isBytes(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What is sent of an object; `undefined` if it is to be cloned as it is. */
function keysOf(value: object): readonly string[] | undefined {
  const { sign, validate } = value as { sign?: unknown; validate?: unknown };
  // Signers and authentication services may be of classes, whose methods are no properties of their own.
  if (typeof sign === "function") return ["algorithm", "publicKey", "sign"];
  if (typeof validate === "function")
    return "sameClient" in value ? ["validate", "sameClient"] : ["validate"];
  return isPlain(value) ? Object.keys(value) : undefined;
}
