// What a provider, a hook or a signer fails with, when it gives no verdict: a message isn't invalid because of it.
import { MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, isPromise, type Signer } from "../provider/index.js";

type AnyFunction = (...args: never[]) => unknown;

/** Calls a function with its arguments. */
type Call = (work: AnyFunction, self: object, args: readonly unknown[]) => unknown;

/** An object with the fields of `target`, in which each function, own or inherited, is called by `call`. */
export function wrapFunctions<T extends object>(target: T, call: Call): T {
  const wrapped: Record<string, unknown> = {};
  for (let level: object | null = target; level !== null; level = Object.getPrototypeOf(level)) {
    if (level === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === "constructor" || Object.hasOwn(wrapped, name)) continue;
      const value: unknown = Reflect.get(target, name);
      wrapped[name] =
        typeof value === "function"
          ? (...args: unknown[]) => call(value as AnyFunction, target, args)
          : value;
    }
  }
  // It has each field of `target`, and a function of the same type for each function.
  return wrapped as T;
}

/** Calls functions, and changes what they throw or reject with. */
function changingErrors(change: (error: unknown) => unknown): Call {
  const fail = (error: unknown): never => {
    throw change(error);
  };
  return (work, self, args) => {
    let result: Awaitable<unknown>;
    try {
      result = Reflect.apply(work, self, args);
    } catch (error) {
      return fail(error);
    }
    return isPromise(result) ? result.then(undefined, fail) : result;
  };
}

/** The error for a failure that says nothing about the input. */
export function noVerdict(whose: string, cause: unknown): MlsError {
  return new MlsError("try-again", `${whose} failed, and gave no answer`, { cause });
}

/** An object whose functions throw only MlsErrors: their verdicts. What else they throw is changed by `change`. */
export function guardFunctions<T extends object>(target: T, change: (cause: unknown) => MlsError): T {
  return wrapFunctions(
    target,
    changingErrors((error) => (error instanceof MlsError ? error : change(error))),
  );
}

/**
 * The provider. What it says by an MlsError, such as a CryptoError, is its verdict. Anything else that it throws is
 * none: the error is `try-again`.
 */
export function guardProvider(provider: CipherSuiteProvider): CipherSuiteProvider {
  const guarded = guards.get(provider) ?? newGuard(provider);
  guards.set(provider, guarded);
  return guarded;
}

/** One for each provider, so that what is remembered of it serves all clients. */
const guards = /* @__PURE__ */ new WeakMap<CipherSuiteProvider, CipherSuiteProvider>();

function newGuard(provider: CipherSuiteProvider): CipherSuiteProvider {
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
 * An object of the application, whose functions are hooks.
 * @param whose names it in errors: `try-again` for whatever a hook throws; `reentrant` as it is, because trying again
 *   doesn't help
 */
export function guardHooksOf<T extends object>(target: T, whose: string, call: CallHook): T {
  const guarded = changingErrors((error) =>
    error instanceof MlsError && error.code === "reentrant" ? error : noVerdict(whose, error),
  );
  return wrapFunctions(target, (hook, self, args) => call(() => guarded(hook, self, args)));
}

/** The signer as an operation calls it. */
export function guardSigner(signer: Signer, call: CallHook): Signer {
  return guardHooksOf(signer, "the signer", call);
}
