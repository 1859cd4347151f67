// Counts and keeps what a suite is asked for in some calls, and costs nothing in the others.
import {
  type CipherSuiteProvider,
  type CryptoProvider,
  type HpkeSealRequest,
  isPromise,
  type SignaturePart,
  type VerifyRequest,
} from "@copse/core";
import { instrumentProvider, type OperationCount } from "@copse/provider-kit";
import { now } from "./clock.js";

/** What was asked, by the names of the interface's methods. */
export type Counts = Readonly<Record<string, OperationCount>>;

export interface Recording {
  readonly counts: Counts;
  /**
   * Asks the same of the same backend again, one call after the other and with nothing in between; the signatures of
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
 * The same provider, of which every suite can be counted. The methods of its parts are the provider's own while
 * nothing is counted, and counting ones while something is, in the same objects: so it doesn't matter which of them
 * are held.
 * @param load makes another provider like it
 */
export function countable(
  provider: CryptoProvider,
  load: () => CryptoProvider | Promise<CryptoProvider>,
): { crypto: CryptoProvider; counter: Counter } {
  const instrumented = instrumentProvider(provider);
  const made = new Map<number, CipherSuiteProvider>();
  let calls: Call[] = [];

  const recorded = (bare: CipherSuiteProvider, part: (typeof PARTS)[number], counting: object): object =>
    Object.fromEntries(
      Object.entries(counting).map(([name, value]) => {
        if (typeof value !== "function") return [name, value];
        const record: Method = (...args) => {
          for (const call of callsOf(bare, part, name, kept(part, name, args))) calls.push(call);
          return (value as Method)(...args);
        };
        return [name, record];
      }),
    );

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
        calls = [];
        for (const [id, own] of made) {
          const [bare, counting] = [provider.suite(id), instrumented.suite(id)];
          for (const part of PARTS) Object.assign(own[part], recorded(bare, part, counting[part]));
          const random = (length: number) => {
            calls.push(() => bare.random(length));
            return counting.random(length);
          };
          Object.assign(own, { random });
        }
      },
      stop() {
        for (const [id, own] of made) {
          const bare = provider.suite(id);
          for (const part of PARTS) Object.assign(own[part], bare[part]);
          Object.assign(own, { random: bare.random });
        }
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
