// What a provider, a hook or a signer fails with, when it gives no verdict: a message isn't invalid because of it.
import { MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, isPromise, type Signer } from "../provider/index.js";

/** Calls a function, and changes what it throws or rejects with. */
function mapError<T>(call: () => Awaitable<T>, change: (error: unknown) => unknown): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = call();
  } catch (error) {
    throw change(error);
  }
  if (!isPromise(result)) return result;
  return result.then(undefined, (error: unknown) => {
    throw change(error);
  });
}

/**
 * An object with the fields of `target`, in which each function, own or inherited, is called by `call`.
 * @param call gets the function, bound to `target` and its arguments
 */
export function wrapFunctions<T extends object>(target: T, call: <R>(work: () => R) => R): T {
  const wrapped: Record<string, unknown> = {};
  for (let level: object | null = target; level !== null; level = Object.getPrototypeOf(level)) {
    if (level === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === "constructor" || Object.hasOwn(wrapped, name)) continue;
      const value: unknown = Reflect.get(target, name);
      wrapped[name] =
        typeof value === "function"
          ? (...args: unknown[]) => call(() => Reflect.apply(value, target, args))
          : value;
    }
  }
  // It has each field of `target`, and a function of the same type for each function.
  return wrapped as T;
}

/** The error for a failure that says nothing about the input. */
export function noVerdict(whose: string, cause: unknown): MlsError {
  return new MlsError("try-again", `${whose} failed, and gave no answer`, { cause });
}

/** An object whose functions throw only MlsErrors: their verdicts. What else they throw is changed by `change`. */
export function guardFunctions<T extends object>(target: T, change: (cause: unknown) => MlsError): T {
  const failure = (error: unknown) => (error instanceof MlsError ? error : change(error));
  return wrapFunctions(target, <R>(work: () => R): R => mapError(work, failure) as R);
}

/**
 * The provider. What it says by an MlsError, such as a CryptoError, is its verdict. Anything else that it throws is
 * none: the error is `try-again`.
 */
export function guardProvider(provider: CipherSuiteProvider): CipherSuiteProvider {
  const failure = (cause: unknown) => noVerdict("the provider", cause);
  const guard = <T extends object>(part: T): T => guardFunctions(part, failure);
  const { suite, hash, kdf, aead, hpke, signature } = provider;
  return {
    suite,
    hash: guard(hash),
    kdf: guard(kdf),
    aead: guard(aead),
    hpke: guard(hpke),
    signature: guard(signature),
    random: guard({ random: (length: number) => provider.random(length) }).random,
  };
}

/** Calls a hook. The lock of a group notes that one is running. */
export type CallHook = <R>(hook: () => R) => R;

/**
 * Calls a hook of the application or a signer.
 * @throws MlsError `try-again` for whatever it throws; `reentrant` as it is, because trying again doesn't help
 */
export function callHook<T>(whose: string, call: CallHook, hook: () => Awaitable<T>): Awaitable<T> {
  return mapError(
    () => call(hook),
    (error) => (error instanceof MlsError && error.code === "reentrant" ? error : noVerdict(whose, error)),
  );
}

/** The signer as a group or a client calls it. */
export function guardSigner(signer: Signer, call: CallHook): Signer {
  const { algorithm, publicKey } = signer;
  return {
    algorithm,
    publicKey,
    sign: (message) => callHook("the signer", call, () => signer.sign(message)),
  };
}
