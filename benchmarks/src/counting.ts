// Counts what a suite is asked for in some calls, and costs nothing in the others.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core";
import { instrumentProvider, type OperationCount } from "@copse/provider-kit";

/** What was asked, by the names of the interface's methods. */
export type Counts = Readonly<Record<string, OperationCount>>;

export interface Counter {
  start(): void;
  /** Stops, and gives what was asked since the start. */
  stop(): Counts;
}

const PARTS = ["hash", "kdf", "aead", "hpke", "signature"] as const;

/**
 * The same provider, of which every suite can be counted. The methods of its parts are the provider's own while
 * nothing is counted, and those of the kit's instrumented provider while something is, in the same objects: so
 * it doesn't matter which of them are held.
 */
export function countable(provider: CryptoProvider): { crypto: CryptoProvider; counter: Counter } {
  const instrumented = instrumentProvider(provider);
  const made = new Map<number, CipherSuiteProvider>();
  const switchTo = (source: CryptoProvider) => {
    for (const [id, suite] of made) {
      const parts = source.suite(id);
      for (const part of PARTS) Object.assign(suite[part], parts[part]);
      Object.assign(suite, { random: parts.random });
    }
  };
  const suite = (id: number): CipherSuiteProvider => {
    let found = made.get(id);
    if (found === undefined) {
      const bare = provider.suite(id);
      found = {
        ...bare,
        hash: { ...bare.hash },
        kdf: { ...bare.kdf },
        aead: { ...bare.aead },
        hpke: { ...bare.hpke },
        signature: { ...bare.signature },
      };
      made.set(id, found);
    }
    return found;
  };
  return {
    crypto: { name: provider.name, suites: provider.suites, suite },
    counter: {
      start() {
        instrumented.reset();
        switchTo(instrumented);
      },
      stop() {
        switchTo(provider);
        return Object.assign({}, ...instrumented.report().map(({ operations }) => operations)) as Counts;
      },
    },
  };
}
