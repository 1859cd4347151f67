// RFC 9420 §5.1: a backend's own exceptions, turned into the one that the interface allows.
import { type Awaitable, CryptoError, isPromise, MlsError } from "@copse/core/provider";

/**
 * Runs a call into a backend. Whatever it throws or rejects with becomes a {@link CryptoError} that says
 * `what`, but for an MlsError, which stays as it is. The backend's error is kept as the cause.
 */
export function guard<T>(what: string, call: () => Awaitable<T>): Awaitable<T> {
  try {
    const answer = call();
    return isPromise(answer) ? answer.catch((error: unknown) => fail(what, error)) : answer;
  } catch (error) {
    return fail(what, error);
  }
}

/** {@link guard} for calls that answer at once. */
export function guardSync<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    return fail(what, error);
  }
}

function fail(what: string, error: unknown): never {
  throw error instanceof MlsError ? error : new CryptoError(what, { cause: error });
}
