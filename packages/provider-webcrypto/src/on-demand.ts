// RFC 9420 §5.1: libraries, and code of ours, that are loaded when they are first used. What isn't used isn't fetched.
import { type Awaitable, MlsError } from "@copse/core/provider";
import { guard } from "@copse/provider-kit";

/** Loads a module once. What failed is tried again by the next call. @param what names it in the error */
export function loadOnce<T>(what: string, load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => {
    loading ??= load().catch((cause: unknown) => {
      loading = undefined;
      throw new MlsError("try-again", `${what} can't be loaded now`, { cause });
    });
    return loading;
  };
}

type Call = (...args: readonly unknown[]) => Awaitable<unknown>;

/**
 * Functions that are loaded when one of them is first called; from then on they answer at once, if they do so by
 * themselves. What they throw becomes a CryptoError. Each rejects with MlsError `try-again` if they can't be loaded.
 * @param what the algorithm, for the errors
 */
export function onDemand<T extends object>(
  what: string,
  names: readonly (keyof T & string)[],
  load: () => Promise<T>,
): T {
  let loaded: T | undefined;
  const loading = loadOnce(`the library for ${what}`, async () => {
    loaded = await load();
    return loaded;
  });
  const calls = names.map((name): [string, Call] => {
    const ask = (library: T, args: readonly unknown[]) =>
      guard(`${what}: ${name} failed`, () => (library[name] as Call)(...args));
    return [
      name,
      (...args) =>
        loaded === undefined ? loading().then((library) => ask(library, args)) : ask(loaded, args),
    ];
  });
  return Object.fromEntries(calls) as T;
}
