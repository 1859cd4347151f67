// RFC 9420 §5.1: what a check does with a provider: the calls that haven't settled, and the private keys that it made.
import { type Awaitable, type CipherSuiteProvider, isPromise } from "@copse/core/provider";
import type { Effort } from "./tools/cost.js";

type Call = (...args: never[]) => unknown;

/** What answers with a private key, or with a pair that has one. */
const MAKERS = ["generateKeyPair", "deriveKeyPair", "importPrivateKey", "loadPrivateKey"];

/** The timers of the platform; ECMAScript itself has none. */
const { setTimeout, clearTimeout } = globalThis as unknown as {
  readonly setTimeout?: (work: () => void, ms: number) => unknown;
  readonly clearTimeout?: (timer: unknown) => void;
};

/** Providers whose `destroyPrivateKey` didn't settle once: nobody waits for it again. */
const stuck = new WeakSet<object>();

/**
 * Waits for at most `ms` milliseconds, or for ever on a platform without timers.
 *
 * @returns whether it settled, well or badly, in this time
 */
export async function settles(work: Promise<unknown>, ms: number): Promise<boolean> {
  const done = work.then(
    () => true,
    () => true,
  );
  if (setTimeout === undefined) return done;
  let timer: unknown;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([done, late]);
  clearTimeout?.(timer);
  return inTime;
}

/** Follows the calls of one check, and tells how much it should do. */
export class Watch {
  readonly #pending = new Map<object, string>();
  readonly #made: { readonly owner: object; readonly destroy: () => unknown }[] = [];

  constructor(readonly effort: Effort) {}

  /** The names of the calls that haven't settled, such as `hpke.open`, each once. */
  get pending(): string[] {
    return [...new Set(this.#pending.values())];
  }

  /** The same cryptography, followed. */
  suite(suite: CipherSuiteProvider): CipherSuiteProvider {
    return {
      suite: suite.suite,
      hash: this.#part("hash", suite.hash),
      kdf: this.#part("kdf", suite.kdf),
      aead: this.#part("aead", suite.aead),
      hpke: this.#part("hpke", suite.hpke),
      signature: this.#part("signature", suite.signature),
      random: (length) => suite.random(length),
    };
  }

  /** Destroys all private keys that were made, so that none stays in a token or a key store. Never throws. */
  async cleanUp(ms: number): Promise<void> {
    for (const { owner, destroy } of this.#made.splice(0)) {
      try {
        const answer = destroy();
        // What is wrong with destroyPrivateKey has a check of its own.
        if (!isPromise(answer)) continue;
        const done = answer.then(undefined, () => undefined);
        if (!stuck.has(owner) && !(await settles(done, ms))) stuck.add(owner);
      } catch {}
    }
  }

  // Not around the part itself: a proxy must give the very functions of a part that is frozen.
  #part<T extends object>(name: string, part: T): T {
    return new Proxy({} as T, {
      get: (_, key) => {
        const value: unknown = Reflect.get(part, key, part);
        if (typeof value !== "function") return value;
        return (...args: never[]) => this.#call(part, name, String(key), value as Call, args);
      },
      has: (_, key) => Reflect.has(part, key),
    });
  }

  #call(part: object, name: string, method: string, call: Call, args: never[]): unknown {
    const answer = Reflect.apply(call, part, args) as Awaitable<unknown>;
    if (!isPromise(answer)) return this.#keep(part, method, answer);
    const id = {};
    this.#pending.set(id, `${name}.${method}`);
    return answer.then(
      (value) => {
        this.#pending.delete(id);
        return this.#keep(part, method, value);
      },
      (error: unknown) => {
        this.#pending.delete(id);
        throw error;
      },
    );
  }

  #keep(part: object, method: string, answer: unknown): unknown {
    if (!MAKERS.includes(method) || typeof answer !== "object" || answer === null) return answer;
    const key: unknown = "privateKey" in answer ? answer.privateKey : answer;
    const owner = part as { destroyPrivateKey?: (key: unknown) => unknown };
    this.#made.push({ owner, destroy: () => owner.destroyPrivateKey?.(key) });
    return answer;
  }
}
