// What a provider, a hook or a signer fails with, when it gives no verdict: a message isn't invalid because of it.
import { MlsError } from "../errors.js";
import { type CipherSuiteProvider, isPromise, type Signer } from "../provider/index.js";
import { withLaterKeys } from "./later-keys.js";
import { type AnyFunction, wrapFunctions } from "./wrap.js";

/** The function, which throws or rejects with what `change` makes of its errors. */
function changingErrors(work: AnyFunction, change: (error: unknown) => unknown): AnyFunction {
  const fail = (error: unknown): never => {
    throw change(error);
  };
  return (...args) => {
    let result: unknown;
    try {
      result = work(...args);
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
  const verdict = (error: unknown) => (error instanceof MlsError ? error : change(error));
  return wrapFunctions(target, (work) => changingErrors(work, verdict));
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
    hpke: withLaterKeys(guard(hpke)),
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
  const failure = (error: unknown) =>
    error instanceof MlsError && error.code === "reentrant" ? error : noVerdict(whose, error);
  return wrapFunctions(target, (hook) => {
    const guarded = changingErrors(hook, failure);
    return (...args) => call(() => guarded(...args));
  });
}

/** The signer as an operation calls it. */
export function guardSigner(signer: Signer, call: CallHook): Signer {
  return guardHooksOf(signer, "the signer", call);
}
