// RFC 9420 §5.1: turns a library's exceptions into CryptoErrors, the only ones that the interface allows.
import { type Awaitable, CryptoError, isPromise, MlsError } from "@copse/core/provider";

/**
 * Runs a call into a library. Whatever it throws or rejects with becomes a {@link CryptoError} with the message
 * `what` and the library's error as its cause. An MlsError passes unchanged.
 */
export function guard<T>(what: string, call: () => Awaitable<T>): Awaitable<T> {
  try {
    const answer = call();
    return isPromise(answer) ? answer.catch((error: unknown) => fail(what, error)) : answer;
  } catch (error) {
    return fail(what, error);
  }
}

/** {@link guard} for synchronous calls. */
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
