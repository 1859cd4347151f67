// Answers that come at once or as a promise, and how secrets are overwritten after either (RFC 9420 §9.2).

/**
 * What a provider may answer: a value, or a promise of it. A synchronous provider must not pay for an
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

/** Runs `work`, and `cleanUp` when it has finished or failed; if it answers with a promise, when that is settled. */
export function withCleanup<T>(work: () => Awaitable<T>, cleanUp: () => void): Awaitable<T> {
  let answer: Awaitable<T>;
  try {
    answer = work();
  } catch (error) {
    cleanUp();
    throw error;
  }
  if (isPromise(answer)) {
    // Not finally(), which takes two more turns of the microtask queue.
    return answer.then(
      (value) => {
        cleanUp();
        return value;
      },
      (error: unknown) => {
        cleanUp();
        throw error;
      },
    );
  }
  cleanUp();
  return answer;
}

/** Runs `work` with a secret that nothing else needs, and overwrites the secret when it has finished or failed. */
export function useSecret<T>(secret: Uint8Array, work: (secret: Uint8Array) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(secret),
    () => secret.fill(0),
  );
}
