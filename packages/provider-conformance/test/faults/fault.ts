// RFC 9420 §5.1: what a deliberately faulty provider is: a healthy one with one fault, and the check that names it.
import type { CipherSuiteProvider, CryptoProvider } from "@copse/core/provider";
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
}

/** A provider of one suite, some of whose parts are replaced. */
export function fault(
  what: string,
  suite: number,
  caughtBy: string,
  change: (healthy: CipherSuiteProvider) => Partial<CipherSuiteProvider>,
  provider: Partial<CryptoProvider> = {},
): Fault {
  const healthy = node.suite(suite);
  const served = { ...healthy, ...change(healthy) };
  const whole: CryptoProvider = {
    name: what,
    suites: [served.suite],
    suite: (id) => (id === suite ? served : node.suite(-1)),
    ...provider,
  };
  return { fault: what, suite, caughtBy, provider: whole };
}

/** Does as the healthy one does, but where that refuses. */
export function orElse<T>(call: () => T, otherwise: () => T): T {
  try {
    return call();
  } catch {
    return otherwise();
  }
}
