// RFC 9420 §9.2: secrets are overwritten when work ends, by success or failure, whether it is synchronous or not.
import { wipe } from "../bytes.js";
import type { Writer } from "../codec/index.js";
import { type Awaitable, isPromise } from "../provider/index.js";

/** Runs `work`, and then `cleanUp`, whether the work succeeds or fails. */
function withCleanup<T>(work: () => Awaitable<T>, cleanUp: (failed: boolean) => void): Awaitable<T> {
  const succeed = (value: T): T => {
    cleanUp(false);
    return value;
  };
  const fail = (error: unknown): never => {
    cleanUp(true);
    throw error;
  };
  let result: Awaitable<T>;
  try {
    result = work();
  } catch (error) {
    return fail(error);
  }
  return isPromise(result) ? result.then(succeed, fail) : succeed(result);
}

/** Runs `work`. If it throws or rejects, runs `undo` first and then passes the error on. */
export function onFailure<T>(work: () => Awaitable<T>, undo: () => void): Awaitable<T> {
  return withCleanup(work, (failed) => {
    if (failed) undo();
  });
}

/** Runs `work` with a secret that is not needed afterwards, and then overwrites the secret. */
export function useSecret<T>(secret: Uint8Array, work: (secret: Uint8Array) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(secret),
    () => wipe(secret),
  );
}

/**
 * Runs `work` with a writer and then releases the writer. For bytes that are hashed, verified or encrypted and not
 * kept: `work` reads them by {@link Writer.view}, without a copy, and must not keep the view.
 */
export function withBuffer<T>(writer: Writer, work: (written: Writer) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(writer),
    () => writer.release(),
  );
}
