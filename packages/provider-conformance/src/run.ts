// RFC 9420 §5.1: all checks of a provider, as a list for a test runner or run to a report.
import {
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  type OptionShape,
} from "@copse/core/provider";
import { type Check, type CheckResult, check, type SuiteChecks } from "./check.js";
import { agreementChecks } from "./checks/agreement.js";
import { algorithmChecks, providerChecks } from "./checks/algorithms.js";
import { errorChecks } from "./checks/calls/errors.js";
import { memoryChecks } from "./checks/calls/memory.js";
import { hpkeChecks } from "./checks/hpke/hpke.js";
import { checksOfKem, hpkeKeyChecks } from "./checks/hpke/keys.js";
import { checksOfScheme } from "./checks/signatures/schemes.js";
import { signatureChecks } from "./checks/signatures/signature.js";
import { verdictsOfScheme } from "./checks/signatures/verdicts.js";
import { aeadChecks } from "./checks/symmetric/aead.js";
import { hashChecks, kdfChecks, randomChecks } from "./checks/symmetric/hash.js";
import { type WycheproofFile, wycheproofChecks } from "./wycheproof.js";

/** What to check beside the provider itself. */
export interface ConformanceOptions {
  /** The code points of the suites to check; without it all that the provider lists. */
  readonly suites?: readonly number[];
  /** Another provider, with which it must agree on bytes in the suites that both serve. */
  readonly second?: CryptoProvider;
  /** Project Wycheproof's files. Each is run once for each algorithm of the provider's that it tests. */
  readonly wycheproof?: readonly {
    /** `x25519_test.json` */
    readonly fileName: string;
    /** What the file holds, parsed. */
    readonly json: WycheproofFile;
  }[];
}

const OPTIONS: OptionShape<ConformanceOptions> = {
  suites: { "[]": "number" },
  second: "object",
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
  const checks = providerChecks(provider);
  const { second, wycheproof = [] } = options;
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
    checks.push(...checksForSuite(suite, second));
    for (const { fileName, json } of wycheproof) {
      for (const one of wycheproofChecks(suite, fileName, json)) {
        if (tested.has(one.name)) continue;
        tested.add(one.name);
        checks.push(one);
      }
    }
  }
  return checks;
}

/**
 * The checks of one suite: for a suite that no provider lists, such as one that was just composed.
 *
 * @param second another provider, with which it must agree on bytes if that serves the suite
 */
export function checksForSuite(suite: CipherSuiteProvider, second?: CryptoProvider): Check[] {
  const groups: SuiteChecks[] = [
    algorithmChecks,
    hashChecks,
    kdfChecks,
    randomChecks,
    aeadChecks,
    hpkeChecks,
    hpkeKeyChecks,
    checksOfKem(suite.suite.kem),
    signatureChecks,
    checksOfScheme(suite.suite.signature),
    verdictsOfScheme(suite.suite.signature),
    memoryChecks,
    errorChecks,
  ];
  if (second !== undefined) {
    const serves = (id: number) => second.suites.some((other) => other.id === id);
    groups.push(agreementChecks((id) => (serves(id) ? second.suite(id) : undefined)));
  }
  return groups.flatMap((group) =>
    Object.entries(group).map(([name, body]) => check(suite.suite.name, name, () => body(suite))),
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
 * const report = await testProvider(myProvider());
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
