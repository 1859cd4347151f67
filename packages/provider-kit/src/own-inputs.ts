// RFC 9420 §5.1, the interface's rule on inputs: whoever answers later works on copies of what it was given.
import { type Awaitable, copySecret, withCleanup } from "@copse/core/provider";

type Call = (...args: unknown[]) => Awaitable<unknown>;

/**
 * The same part, on copies of its inputs, which are overwritten when it has answered: for parts that read an input after
 * an `await`, while the caller may overwrite its arrays as soon as a call has returned. A part that answers at once
 * doesn't need it.
 *
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
    const copies: Uint8Array[] = [];
    const given = args.map((arg) => copied(arg, copies));
    return withCleanup(
      () => Reflect.apply(call, part, given) as Awaitable<unknown>,
      () => {
        for (const copy of copies) copy.fill(0);
      },
    );
  };
}

/** Bytes, lists of bytes and lists of requests are copied; numbers and the handles of keys are not. */
function copied(value: unknown, copies: Uint8Array[]): unknown {
  if (value instanceof Uint8Array) {
    const copy = copySecret(value);
    copies.push(copy);
    return copy;
  }
  if (!Array.isArray(value)) return value;
  return value.map((one: unknown) => {
    if (one instanceof Uint8Array || typeof one !== "object" || one === null) return copied(one, copies);
    return Object.fromEntries(Object.entries(one).map(([name, field]) => [name, copied(field, copies)]));
  });
}
