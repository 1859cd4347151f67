// RFC 9420 §5.1, the interface's rule on inputs: whoever answers later works on copies of what it was given.
import { type Awaitable, type Bytes, copySecret, secretBytes, withCleanup } from "@copse/core/provider";

type Call = (...args: unknown[]) => Awaitable<unknown>;

/**
 * Memory for the copies of long inputs, all zeros, that is used again: to allocate as much takes an engine longer than to
 * encrypt it.
 */
const free: Bytes[] = [];
const LONG = 2 ** 12;
const LONGEST = 2 ** 17;
const MOST_FREE = 4;

function copyOf(bytes: Uint8Array): Bytes {
  const { length } = bytes;
  if (length < LONG || length > LONGEST) return copySecret(bytes);
  const copy = (free.pop() ?? secretBytes(LONGEST)).subarray(0, length);
  copy.set(bytes);
  return copy;
}

function giveBack(copy: Bytes): void {
  copy.fill(0);
  const { buffer } = copy;
  if (buffer.byteLength === LONGEST && free.length < MOST_FREE) free.push(new Uint8Array(buffer));
}

/**
 * The same part, on copies of its inputs, which are overwritten when it has answered: for parts that read an input after
 * an `await`, while the caller may overwrite its arrays as soon as a call has returned. A part that answers at once
 * doesn't need it.
 *
 * The part must not keep a copy, nor a view of it, after it has answered.
 * @param part a part of a suite: an object whose functions are its own properties
 */
export function ownInputs<T extends object>(part: T): T {
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(part)) {
    own[name] = typeof value === "function" ? onCopies(part, value as Call) : value;
  }
  return own as T;
}

function onCopies(part: object, call: Call): Call {
  return (...args) => {
    const copies: Bytes[] = [];
    return withCleanup(
      () => {
        const given = args.map((arg) => copied(arg, copies));
        return Reflect.apply(call, part, given) as Awaitable<unknown>;
      },
      () => {
        for (const copy of copies) giveBack(copy);
      },
    );
  };
}

/** Bytes, lists of bytes and lists of requests are copied; numbers and the handles of keys are not. */
function copied(value: unknown, copies: Bytes[]): unknown {
  if (value instanceof Uint8Array) {
    const copy = copyOf(value);
    copies.push(copy);
    return copy;
  }
  if (!Array.isArray(value)) return value;
  return value.map((one: unknown) => {
    if (one instanceof Uint8Array || typeof one !== "object" || one === null) return copied(one, copies);
    return Object.fromEntries(Object.entries(one).map(([name, field]) => [name, copied(field, copies)]));
  });
}
