// Cleaning up after work that may be done at once or later: how secrets are wiped on every way out (RFC 9420 §9.2).
import type { Writer } from "../codec/index.js";
import { CryptoError } from "../errors.js";
import { type Awaitable, isPromise, withCleanup } from "../provider/index.js";

export { useSecret } from "../provider/index.js";

/** Runs `work`; if it fails, now or later, `undo` runs before the error goes on. */
export function onFailure<T>(work: () => Awaitable<T>, undo: () => void): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = work();
  } catch (error) {
    undo();
    throw error;
  }
  if (!isPromise(result)) return result;
  return result.catch((error: unknown) => {
    undo();
    throw error;
  });
}

/**
 * Runs `work`, to which the writer's {@link Writer.view} is handed, and releases the writer when it is done or has
 * failed: for what is hashed or verified and not kept, whose memory would cost more than a short hash.
 */
export function withBuffer<T>(writer: Writer, work: (written: Writer) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(writer),
    () => writer.release(),
  );
}

/** Runs `work`; a CryptoError, now or later, becomes the error that `other` makes of it. */
export function onCryptoError<T>(
  work: () => Awaitable<T>,
  other: (cause: CryptoError) => Error,
): Awaitable<T> {
  const convert = (error: unknown) => (error instanceof CryptoError ? other(error) : error);
  let result: Awaitable<T>;
  try {
    result = work();
  } catch (error) {
    throw convert(error);
  }
  if (!isPromise(result)) return result;
  return result.catch((error: unknown) => {
    throw convert(error);
  });
}
