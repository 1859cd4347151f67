// Answers that come at once or as a promise.

/**
 * What a provider may answer: a value, or a promise of it. A synchronous backend must not pay for an
 * asynchronous one, so the core awaits only what {@link isPromise} says is a promise.
 */
export type Awaitable<T> = T | Promise<T>;

/** Whether an answer is still to come. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return (
    value instanceof Promise || typeof (value as { then?: unknown } | null | undefined)?.then === "function"
  );
}

/** Applies `next` to an answer, now if it is here, later if it is a promise. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** All answers in order: an array at once if every one is here, else a promise of it. */
export function all<T>(values: readonly Awaitable<T>[]): Awaitable<T[]> {
  return values.some(isPromise) ? Promise.all(values) : (values as T[]);
}
