// Values that are available at once or as a promise, and how secrets are overwritten after either (RFC 9420 §9.2).

/**
 * A value, or a promise of it: what the functions of a provider return. An `await` costs a synchronous provider time,
 * so where calls are many and small, the core waits only for real promises, by {@link chain} and {@link all}.
 */
export type Awaitable<T> = T | Promise<T>;

/** Whether a value is a promise, of this realm or another. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Applies `next` to a value: at once, or if it is a promise, when it is resolved. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value);
}

/** All values in their order: an array at once, or if one of them is a promise, a promise of the array. */
export function all<T>(values: readonly Awaitable<T>[]): Awaitable<T[]> {
  return values.some(isPromise) ? Promise.all(values) : (values as T[]);
}

/** Runs `work`, and then `cleanUp`, whether the work succeeds or fails, at once or later. */
export function withCleanup<T>(work: () => Awaitable<T>, cleanUp: (failed: boolean) => void): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = work();
  } catch (error) {
    cleanUp(true);
    throw error;
  }
  if (!isPromise(result)) {
    cleanUp(false);
    return result;
  }
  // Not finally(), which takes two more turns of the microtask queue.
  return result.then(
    (value) => {
      cleanUp(false);
      return value;
    },
    (error: unknown) => {
      cleanUp(true);
      throw error;
    },
  );
}

/** Runs `work` with a secret that is not needed afterwards, and then overwrites the secret. */
export function useSecret<T>(secret: Uint8Array, work: (secret: Uint8Array) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(secret),
    () => secret.fill(0),
  );
}
