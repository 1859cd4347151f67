// The providers that the tests run: every way in which this package makes one.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import { type WebCryptoOptions, webCryptoProvider } from "@copse/provider-webcrypto";

export const VARIANTS: readonly (readonly [string, WebCryptoOptions])[] = [
  ["the default, made extractable", { extractable: true }],
  ["native hashing", { extractable: true, hashing: "native" }],
  ["library curves", { extractable: true, forceLibraryCurves: true }],
];

export const SUITE_IDS = [1, 2, 3, 5, 7];

/** All suites of a provider. */
export const suitesOf = (provider: CryptoProvider): CipherSuiteProvider[] =>
  provider.suites.map(({ id }) => provider.suite(id));

/** All suites of the provider that the options make. */
export const suites = async (options?: WebCryptoOptions): Promise<CipherSuiteProvider[]> =>
  suitesOf(await webCryptoProvider(options));

/** A key store as an application makes one, over a Map instead of IndexedDB. */
export function memoryStore() {
  const keys = new Map<number, CryptoKey>();
  let next = 0;
  return {
    keys,
    put(key: CryptoKey) {
      keys.set(next, key);
      return Uint8Array.of(next++);
    },
    async get([reference]: Uint8Array) {
      // Another object each time, as IndexedDB gives.
      return structuredClone(keys.get(reference as number));
    },
    async delete([reference]: Uint8Array) {
      keys.delete(reference as number);
    },
    list: () => [...keys.keys()].map((reference) => Uint8Array.of(reference)),
  };
}

/** A WebCrypto that refuses some algorithms, as a platform does that doesn't know them. */
export function without(...names: string[]): Crypto {
  const subtle = new Proxy(crypto.subtle, {
    get(target, property) {
      const method = Reflect.get(target, property);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        for (const arg of args) {
          const { name, namedCurve } = (arg ?? {}) as { name?: string; namedCurve?: string };
          const asked = [arg, name, namedCurve];
          if (names.some((refused) => asked.includes(refused))) {
            return Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
          }
        }
        return method.apply(target, args);
      };
    },
  });
  return { subtle, getRandomValues: crypto.getRandomValues.bind(crypto) } as Crypto;
}
