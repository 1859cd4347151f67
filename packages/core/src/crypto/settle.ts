// Cleaning up after work that may be done at once or later: how secrets are wiped on every way out (RFC 9420 §9.2).
import { wipe } from "../bytes.js";
import { CryptoError } from "../errors.js";
import { type Awaitable, isPromise } from "../provider/index.js";

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

/** Runs `work` with a secret that nothing else needs, and overwrites the secret when it is done or has failed. */
export function spend<T>(secret: Uint8Array, work: (secret: Uint8Array) => Awaitable<T>): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = work(secret);
  } catch (error) {
    wipe(secret);
    throw error;
  }
  if (isPromise(result)) return result.finally(() => wipe(secret));
  wipe(secret);
  return result;
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
