// RFC 9420 §5.1: what a check is, and what comes of it. Knows no test runner.
import type { CipherSuiteProvider } from "@copse/core/provider";
import type { Effort } from "./tools/cost.js";
import { settles, Watch } from "./watch.js";

/** What came of a check. `skipped`: it doesn't apply to this suite or provider; the detail says why. */
export type Outcome = "passed" | "failed" | "skipped";

/** What came of one check. */
export interface CheckResult {
  /** What was checked, as in `aead: refuses a changed tag`. Stable from version to version. */
  readonly name: string;
  /** The name of the suite that was checked; of the provider as a whole, its own name. */
  readonly suite: string;
  readonly outcome: Outcome;
  /** Why it failed or was skipped; empty if it passed. May show keys that were made for the check. */
  readonly detail: string;
  /** Of checks that hold the provider to known verdicts: how many. */
  readonly verdicts?: number;
}

/** One check, ready to be run as a test of its own, as often as one likes. */
export interface Check {
  readonly name: string;
  readonly suite: string;
  /** Runs it. Never throws. */
  result(): Promise<CheckResult>;
  /**
   * Runs it as a test: throws if it fails.
   * @throws ConformanceError
   */
  run(): Promise<CheckResult>;
}

/** A provider doesn't do what the interface asks. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** Thrown by a check's body if it doesn't apply. */
class NotApplicable extends Error {}

/** Ends a check as skipped. */
export function skip(reason: string): never {
  throw new NotApplicable(reason);
}

/** Ends a check as failed. */
export function fail(detail: string): never {
  throw new ConformanceError(detail);
}

/** How long a check may take, in milliseconds, unless somebody says otherwise. */
export const TIME_LIMIT = 120_000;

/**
 * A check by its body, which throws if it fails, and may return how many verdicts it held the provider to. The body
 * reaches the provider through the watch, which destroys the private keys that are made.
 */
export function check(
  suite: string,
  name: string,
  body: (watch: Watch) => unknown,
  timeLimit: number = TIME_LIMIT,
  effort: Effort = "full",
): Check {
  async function result(): Promise<CheckResult> {
    const watch = new Watch(effort);
    const outcome = outcomeOf(suite, name, async () => body(watch));
    const inTime = await settles(outcome, timeLimit);
    const pending = watch.pending.join(", ") || "the check itself";
    await watch.cleanUp(timeLimit);
    if (inTime) return outcome;
    const detail = `${pending} has not settled after ${timeLimit / 1000} seconds`;
    return { name, suite, outcome: "failed", detail };
  }
  return {
    name,
    suite,
    result,
    async run() {
      const outcome = await result();
      if (outcome.outcome === "failed") fail(`${suite}: ${name}: ${outcome.detail}`);
      return outcome;
    },
  };
}

async function outcomeOf(suite: string, name: string, body: () => Promise<unknown>): Promise<CheckResult> {
  try {
    const verdicts = await body();
    const result = { name, suite, outcome: "passed", detail: "" } as const;
    return typeof verdicts === "number" ? { ...result, verdicts } : result;
  } catch (error) {
    if (error instanceof NotApplicable) {
      return { name, suite, outcome: "skipped", detail: error.message };
    }
    const detail = error instanceof ConformanceError ? error.message : `unexpected ${describe(error)}`;
    return { name, suite, outcome: "failed", detail };
  }
}

/**
 * The checks of one suite: names, and bodies that are given the suite's cryptography, and the watch for that of others.
 */
export type SuiteChecks = Readonly<Record<string, (suite: CipherSuiteProvider, watch: Watch) => unknown>>;

/** An error in words: its name, code and message, and why. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `thrown ${typeof error}`;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const why = cause instanceof Error ? `, because of ${describe(cause)}` : "";
  return `${error.name}${typeof code === "string" ? ` (${code})` : ""}: ${error.message}${why}`;
}
