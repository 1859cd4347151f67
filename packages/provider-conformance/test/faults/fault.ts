// RFC 9420 §5.1: what a deliberately faulty provider is: a healthy one with one fault, and the check that names it.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
import type { ConformanceOptions } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";

/** The healthy provider. */
export const node = nodeProvider();
export const none = new Uint8Array(0);

export interface Fault {
  readonly fault: string;
  /** The code point of the suite that has it. */
  readonly suite: number;
  /** The check that names it. */
  readonly caughtBy: string;
  readonly provider: CryptoProvider;
  readonly options: ConformanceOptions;
  /** What the failed check says, where that matters. */
  readonly says: RegExp;
}

interface More extends ConformanceOptions {
  /** What is wrong with the provider as a whole. */
  readonly provider?: Partial<CryptoProvider>;
  readonly says?: RegExp;
}

/** A provider of one suite, some of whose parts are replaced. */
export function fault(
  what: string,
  suite: number,
  caughtBy: string,
  change: (healthy: CipherSuiteProvider) => Partial<CipherSuiteProvider>,
  { provider, says = /./, ...options }: More = {},
): Fault {
  const healthy = node.suite(suite);
  const served = { ...healthy, ...change(healthy) };
  const whole: CryptoProvider = {
    name: what,
    suites: [served.suite],
    suite: (id) => (id === suite ? served : node.suite(-1)),
    ...provider,
  };
  return { fault: what, suite, caughtBy, provider: whole, options, says };
}

/** Does as the healthy one does, but where that refuses. */
export function orElse<T>(call: () => T, otherwise: () => T): T {
  try {
    return call();
  } catch {
    return otherwise();
  }
}

type PartName = "hash" | "kdf" | "aead" | "hpke" | "signature";
type Parts = { readonly [P in PartName]: Required<CipherSuiteProvider[P]> };
type Call = (...args: never[]) => unknown;
type Method<P extends PartName, M extends keyof Parts[P]> = Extract<Parts[P][M], Call>;
/** The healthy provider answers at once. */
type AtOnce<F extends Call> = (...args: Parameters<F>) => Awaited<ReturnType<F>>;

/** {@link fault} in one method. */
export function broken<P extends PartName, M extends keyof Parts[P] & string>(
  what: string,
  suite: number,
  caughtBy: string,
  [part, name]: readonly [P, M],
  make: (
    healthy: AtOnce<Method<P, M>>,
    suite: CipherSuiteProvider,
  ) => (...args: Parameters<Method<P, M>>) => unknown,
  more?: More,
): Fault {
  return loose(what, suite, caughtBy, [part, name], make as unknown as LooseMaker, more);
}

type Loose = (...args: unknown[]) => unknown;
type LooseMaker = (healthy: Loose, suite: CipherSuiteProvider) => Loose;

/** {@link broken}, for any method. */
export const loose = (
  what: string,
  suite: number,
  caughtBy: string,
  [part, name]: readonly [PartName, string],
  make: LooseMaker,
  more?: More,
): Fault =>
  fault(
    what,
    suite,
    caughtBy,
    (s) => {
      const healthy: Loose = (...args) => Reflect.apply(Reflect.get(s[part], name) as Loose, s[part], args);
      return { [part]: { ...s[part], [name]: make(healthy, s) } };
    },
    more,
  );

/** At most so many bytes. */
export const cut = (bytes: Uint8Array, size: number): Uint8Array => bytes.slice(0, size);

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A cache by what a key says of the arguments. */
export function cachedBy<A extends unknown[], R>(
  healthy: (...args: A) => R,
  key: (...args: A) => unknown,
): (...args: A) => R {
  const cache = new Map<unknown, R>();
  return (...args) => {
    const by = key(...args);
    if (!cache.has(by)) cache.set(by, healthy(...args));
    return cache.get(by) as R;
  };
}
