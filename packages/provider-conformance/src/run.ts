// RFC 9420 §5.1: all checks of a provider, as a list for a test runner or run to a report.
import {
  type Awaitable,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  type OptionShape,
} from "@copse/core/provider";
import { type Check, type CheckResult, check, type SuiteChecks } from "./check.js";
import { agreementChecks } from "./checks/agreement.js";
import { algorithmChecks, providerChecks } from "./checks/algorithms.js";
import { callChecks, instanceChecks } from "./checks/calls/index.js";
import { checksOfHpke } from "./checks/hpke/index.js";
import { checksOfSignatures } from "./checks/signatures/index.js";
import { symmetricChecks } from "./checks/symmetric/index.js";
import type { Effort } from "./tools/cost.js";
import { type WycheproofFile, wycheproofChecks } from "./wycheproof.js";

/** How to check a suite. */
export interface SuiteConformanceOptions {
  /** Another provider, with which it must agree on bytes in the suites that both serve. */
  readonly second?: CryptoProvider;
  /**
   * How much the checks do, by default `"full"`. `"short"` runs the same checks with fewer rounds, smaller batches and
   * fewer lengths, in a sixth to a half of the time: for slow platforms, and while you work. It misses what goes wrong
   * once in many times, or only in large inputs.
   */
  readonly effort?: Effort;
  /**
   * How long each check may take, in milliseconds; by default two minutes. A check that takes longer fails, and names
   * the calls that haven't settled. Has no effect on calls that never return, nor on a platform without `setTimeout`.
   */
  readonly timeLimit?: number;
}

/** What to check beside the provider itself, and how. */
export interface ConformanceOptions extends SuiteConformanceOptions {
  /** The code points of the suites to check; without it all that the provider lists. */
  readonly suites?: readonly number[];
  /**
   * The areas to check, which are what the names of checks begin with: `["aead", "hpke keys"]`. Without it all of them.
   */
  readonly areas?: readonly string[];
  /**
   * Makes another instance of the provider, as an application does when it starts. With it, the checks named
   * `instances` see whether two instances make the same random bytes and keys.
   */
  readonly make?: () => Awaitable<CryptoProvider>;
  /** Project Wycheproof's files. Each is run once for each algorithm of the provider's that it tests. */
  readonly wycheproof?: readonly {
    /** `x25519_test.json` */
    readonly fileName: string;
    /** What the file holds, parsed. */
    readonly json: WycheproofFile;
  }[];
}

const SUITE_OPTIONS: OptionShape<SuiteConformanceOptions> = {
  second: "object",
  effort: ['"full"', '"short"'],
  timeLimit: "number",
};
const OPTIONS: OptionShape<ConformanceOptions> = {
  ...SUITE_OPTIONS,
  suites: { "[]": "number" },
  areas: { "[]": "string" },
  make: "function",
  wycheproof: { "[]": { fileName: "string", json: "object" } },
};

/** What came of all checks. A provider conforms if `failed` is 0. */
export interface ConformanceReport {
  /** The provider's name. */
  readonly provider: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How many verdicts on edge cases of public keys and signatures were as they must be. */
  readonly verdicts: number;
  /** In the order in which they were run. */
  readonly checks: readonly CheckResult[];
}

/**
 * All checks of a provider, none run yet: each becomes a test of one's own runner, with
 * `test(name, () => check.run())`.
 * @throws MlsError `usage` for unknown options
 */
export function checksFor(provider: CryptoProvider, options: ConformanceOptions = {}): Check[] {
  checkOptions(options, OPTIONS);
  const { areas, timeLimit, wycheproof = [] } = options;
  const checks = providerChecks(provider, timeLimit);
  const wanted = provider.suites.filter(({ id }) => options.suites?.includes(id) ?? true);
  const tested = new Set<string>();
  for (const { id, name } of wanted) {
    let suite: CipherSuiteProvider;
    try {
      suite = provider.suite(id);
    } catch (error) {
      checks.push(
        check(name, "suites: the suite is served", () => {
          throw error;
        }),
      );
      continue;
    }
    checks.push(...checksOfSuite(suite, options, provider));
    for (const { fileName, json } of wycheproof) {
      for (const one of wycheproofChecks(suite, fileName, json, timeLimit)) {
        if (tested.has(one.name)) continue;
        tested.add(one.name);
        checks.push(one);
      }
    }
  }
  return areas === undefined
    ? checks
    : checks.filter(({ name }) => areas.some((area) => name.startsWith(area)));
}

/**
 * The checks of one suite: for a suite that no provider lists, such as one that was just composed.
 * @throws MlsError `usage` for unknown options
 */
export function checksForSuite(suite: CipherSuiteProvider, options: SuiteConformanceOptions = {}): Check[] {
  checkOptions(options, SUITE_OPTIONS);
  return checksOfSuite(suite, options);
}

function checksOfSuite(
  suite: CipherSuiteProvider,
  options: ConformanceOptions,
  provider?: CryptoProvider,
): Check[] {
  const { second, timeLimit, effort } = options;
  const { kem, signature, name: suiteName } = suite.suite;
  const groups: SuiteChecks[] = [
    algorithmChecks,
    ...symmetricChecks,
    ...checksOfHpke(kem),
    ...checksOfSignatures(signature),
    ...callChecks,
    instanceChecks(options, provider),
  ];
  if (second !== undefined) {
    const serves = (id: number) => second.suites.some((other) => other.id === id);
    groups.push(agreementChecks((id) => (serves(id) ? second.suite(id) : undefined)));
  }
  return groups.flatMap((group) =>
    Object.entries(group).map(([name, body]) =>
      check(suiteName, name, (watch) => body(watch.suite(suite), watch), timeLimit, effort),
    ),
  );
}

/** Runs all checks, one after the other, and gives each result as it comes. @throws MlsError `usage` for unknown options */
export async function* runChecks(
  provider: CryptoProvider,
  options: ConformanceOptions = {},
): AsyncGenerator<CheckResult, void, undefined> {
  for (const one of checksFor(provider, options)) yield await one.result();
}

/**
 * Runs all checks against a provider. What fails is in the report.
 * @throws MlsError `usage` for unknown options
 * @example
 * const report = await testProvider(myProvider(), { make: myProvider });
 * console.log(formatReport(report));
 */
export async function testProvider(
  provider: CryptoProvider,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const checks: CheckResult[] = [];
  for await (const result of runChecks(provider, options)) checks.push(result);
  const count = (outcome: CheckResult["outcome"]) => checks.filter((one) => one.outcome === outcome).length;
  return {
    provider: provider.name,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    verdicts: checks.reduce((sum, { verdicts = 0 }) => sum + verdicts, 0),
    checks,
  };
}

/** A report for people: what failed and what was skipped, with the reason, and the sums. */
export function formatReport({ provider, passed, failed, skipped, checks }: ConformanceReport): string {
  const lines = checks
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ outcome, suite, name, detail }) => `${outcome.toUpperCase()} ${suite}: ${name}: ${detail}`);
  return [...lines, `${provider}: ${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
}
