// What stands before the functions of a provider, a hook or a signer.

export type AnyFunction = (...args: unknown[]) => unknown;

/** An object with the fields of `target`, in which `wrap` stands before each function, own or inherited. */
export function wrapFunctions<T extends object>(target: T, wrap: (work: AnyFunction) => AnyFunction): T {
  const wrapped: Record<string, unknown> = {};
  for (let level: object | null = target; level !== null; level = Object.getPrototypeOf(level)) {
    if (level === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === "constructor" || Object.hasOwn(wrapped, name)) continue;
      const value: unknown = Reflect.get(target, name);
      wrapped[name] = typeof value === "function" ? wrap(value.bind(target) as AnyFunction) : value;
    }
  }
  // It has each field of `target`, and a function of the same type for each function.
  return wrapped as T;
}
