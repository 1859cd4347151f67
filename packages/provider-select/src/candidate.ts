// RFC 9420 §5.1: what may be chosen, and what came of it.
import type { Awaitable, CryptoProvider } from "@copse/core/provider";
import type { ProbeStep } from "./probe.js";

/** A provider that may be chosen, with what can't be found out by running it. */
export interface ProviderCandidate {
  /** A short, unique name. */
  readonly name: string;
  /** Makes the provider. Called only if the candidate is tried, so put the `import()` here. */
  load(): Awaitable<CryptoProvider>;
  /**
   * Whether its cryptography is native code, the platform's or a library's, not JavaScript or WASM: in all suites, or in
   * those with these code points.
   */
  readonly native?: boolean | readonly number[];
  /** Whether its signature keys are made in hardware and stay there. */
  readonly hardware?: boolean;
  /** What it adds to an application, in bytes. */
  readonly bytes?: number;
}

/** Why a candidate was refused. */
export interface Refusal {
  /**
   * `not-native`, `not-in-hardware`, `size-unknown`: by its declaration. `load`: it can't be loaded. `late`: it didn't
   * answer in time. `suite-missing`: it doesn't serve a suite. `broken`: a suite doesn't work, or gives other answers
   * than it must. `extractable`: it exports private keys. `policy`: one of the application's own.
   */
  readonly code:
    | "not-native"
    | "not-in-hardware"
    | "size-unknown"
    | "load"
    | "late"
    | "suite-missing"
    | "broken"
    | "extractable"
    | "policy";
  /** The suite's code point, if the reason concerns one. */
  readonly suite?: number;
  /** The step that failed, if it is `broken`, or that didn't end, if it is `late`. */
  readonly step?: ProbeStep;
  /** For people. */
  readonly detail: string;
}

/** The result for one candidate. */
export interface Verdict {
  readonly candidate: string;
  /** `passed`: it works, but another one was better. `not-tried`: a better one was found first. */
  readonly outcome: "chosen" | "passed" | "refused" | "not-tried";
  /** Given if it was refused. */
  readonly refusal?: Refusal;
  /** The median of a round, summed over all suites, if it was measured now or in the cache. */
  readonly milliseconds?: number;
  /** Its declared size. */
  readonly bytes?: number;
}
