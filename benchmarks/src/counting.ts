// Counts and keeps what a suite is asked for in some calls, and costs nothing in the others.
import type {
  CipherSuiteProvider,
  CryptoProvider,
  HpkeSealRequest,
  SignaturePart,
  VerifyRequest,
} from "@copse/core";
import { isPromise } from "@copse/core/provider";
import { instrumentProvider, type OperationCount } from "@copse/provider-select";
import { now } from "./clock.js";

/** What was asked, by the names of the interface's methods. */
export type Counts = Readonly<Record<string, OperationCount>>;

export interface Recording {
  readonly counts: Counts;
  /**
   * Asks the same of the same provider again, one call after the other and with nothing in between; the signatures of
   * a batch one by one, so that what threads gain on it isn't taken for granted.
   * @param anew has signatures verified by a provider that has seen none of their public keys, as at first
   * @returns how long that took, in milliseconds
   */
  replay(anew: boolean): Promise<number>;
}

export interface Counter {
  start(): void;
  /** Stops, and gives what was asked since the start. */
  stop(): Recording;
}

const PARTS = ["hash", "kdf", "aead", "hpke", "signature"] as const;
type Method = (...args: readonly unknown[]) => unknown;
type Methods = Record<string, Method>;
/** @param verifiers the signatures of a suite, of the provider that is to verify them */
type Call = (verifiers: (suite: number) => SignaturePart) => unknown;

/** Whether it may be a private key that isn't bytes. */
const isHandle = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value);

/** Bytes as they are now. */
const copied = <T>(value: T): T =>
  value instanceof Uint8Array ? (new Uint8Array(value) as Uint8Array & T) : value;

/** What secrets are among, which are overwritten after their use. What is public stays, and may be large. */
function kept(part: (typeof PARTS)[number], name: string, args: readonly unknown[]): readonly unknown[] {
  if (name === "sealAll") {
    return [(args[0] as HpkeSealRequest[]).map((one) => ({ ...one, plaintext: copied(one.plaintext) }))];
  }
  return part === "signature" || name === "hash" || name === "hashAll" ? args : args.map(copied);
}

/** The calls of one method, with what they were given, as they are to be made again. */
function callsOf(
  bare: CipherSuiteProvider,
  part: (typeof PARTS)[number],
  name: string,
  args: readonly unknown[],
): Call[] {
  const { id } = bare.suite;
  if (name === "verifyAll") {
    return (args[0] as VerifyRequest[]).map((one) => (verifiers) => verifiers(id).verifyAll!([one]));
  }
  if (name === "verify") {
    const [publicKey, message, signature] = args as [Uint8Array, Uint8Array, Uint8Array];
    return [(verifiers) => verifiers(id).verify(publicKey, message, signature)];
  }
  const methods = bare[part] as object as Methods;
  return [() => methods[name]!(...args)];
}

/**
 * The same provider, of which every suite can be counted. Its methods stay the same ones whether something is counted
 * or not, so that the engine compiles what calls them as it does in an application: nothing but a look at a flag.
 * @param load makes another provider like it
 */
export function countable(
  provider: CryptoProvider,
  load: () => CryptoProvider | Promise<CryptoProvider>,
): { crypto: CryptoProvider; counter: Counter } {
  const instrumented = instrumentProvider(provider);
  const made = new Map<number, CipherSuiteProvider>();
  let counting = false;
  let calls: Call[] = [];
  /** The keys of recorded calls: they are needed when the calls are repeated, which is after the group has ended them. */
  const needed = new WeakSet<object>();

  const methodsOf = (id: number, part: (typeof PARTS)[number]): Record<string, unknown> => {
    const bare = provider.suite(id);
    const counted = instrumented.suite(id)[part] as object as Methods;
    const entries = Object.entries(bare[part]).map(([name, value]) => {
      if (typeof value !== "function") return [name, value];
      const own = value as Method;
      if (name === "destroyPrivateKey") {
        return [name, (key: unknown) => (counting || needed.has(key as object) ? undefined : own(key))];
      }
      const record: Method = (...args) => {
        for (const one of args) if (isHandle(one)) needed.add(one);
        for (const call of callsOf(bare, part, name, kept(part, name, args))) calls.push(call);
        return counted[name]!(...args);
      };
      // No method has more arguments. To collect and spread them would cost a short one a tenth of its time.
      const either: Method = (a, b, c, d, e) => (counting ? record(a, b, c, d, e) : own(a, b, c, d, e));
      return [name, either];
    });
    return Object.fromEntries(entries);
  };

  const suite = (id: number): CipherSuiteProvider => {
    let found = made.get(id);
    if (found === undefined) {
      const bare = provider.suite(id);
      const parts = Object.fromEntries(PARTS.map((part) => [part, methodsOf(id, part)]));
      const random = (length: number): Uint8Array => {
        if (!counting) return bare.random(length);
        calls.push(() => bare.random(length));
        return instrumented.suite(id).random(length);
      };
      found = { ...bare, ...parts, random };
      made.set(id, found);
    }
    return found;
  };
  return {
    crypto: { name: provider.name, suites: provider.suites, suite },
    counter: {
      start() {
        instrumented.reset();
        calls = [];
        counting = true;
      },
      stop() {
        counting = false;
        const recording = calls;
        calls = [];
        return {
          counts: Object.assign({}, ...instrumented.report().map(({ operations }) => operations)) as Counts,
          async replay(anew) {
            const verifying = anew ? await load() : provider;
            const start = now();
            for (const call of recording) {
              const answer = call((id) => verifying.suite(id).signature);
              if (isPromise(answer)) await answer;
            }
            return now() - start;
          },
        };
      },
    },
  };
}
