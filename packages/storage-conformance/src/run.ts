// All checks of a storage, as a list for a test runner or run to a report.
import { check, fail, type StorageCheck, type StorageCheckResult, type StorageUnderTest } from "./check.js";
import { entryChecks } from "./checks/entries.js";
import { handleChecks } from "./checks/handles.js";
import { listChecks } from "./checks/lists.js";
import { versionChecks } from "./checks/versions.js";

export interface StorageConformanceOptions {
  /** How long each check may take, in milliseconds; by default two minutes. One that takes longer fails. */
  readonly timeLimit?: number;
}

/** What came of all checks. A storage conforms if `failed` is 0. */
export interface StorageConformanceReport {
  readonly storage: string;
  readonly passed: number;
  readonly failed: number;
  /** In the order in which they were run. */
  readonly checks: readonly StorageCheckResult[];
}

/**
 * All checks of a storage, none run yet: each becomes a test of one's own runner, with
 * `test(check.name, () => check.run())`.
 */
export function checksForStorage(
  under: StorageUnderTest,
  { timeLimit = 120_000 }: StorageConformanceOptions = {},
): StorageCheck[] {
  if (typeof under?.open !== "function") fail(`expected an object with open(), got ${typeof under}`);
  return Object.entries({ ...entryChecks, ...listChecks, ...versionChecks, ...handleChecks }).map(
    ([name, body]) => check(under, name, body, timeLimit),
  );
}

/**
 * Runs all checks against a storage. What fails is in the report.
 * @example
 * const stores = new Map<string, ClientStorage>();
 * const open = (name: string) => stores.get(name) ?? stores.set(name, memoryStorage()).get(name)!;
 * console.log(formatStorageReport(await testStorage({ name: "memory", open })));
 */
export async function testStorage(
  under: StorageUnderTest,
  options: StorageConformanceOptions = {},
): Promise<StorageConformanceReport> {
  const checks: StorageCheckResult[] = [];
  for (const one of checksForStorage(under, options)) checks.push(await one.result());
  const failed = checks.filter(({ outcome }) => outcome === "failed").length;
  return { storage: under.name, passed: checks.length - failed, failed, checks };
}

/** A report for people: what failed, with the reason, and the sums. */
export function formatStorageReport({ storage, passed, failed, checks }: StorageConformanceReport): string {
  const lines = checks.flatMap(({ name, outcome, detail }) =>
    outcome === "failed" ? [`FAILED ${name}: ${detail}`] : [],
  );
  return [...lines, `${storage}: ${passed} passed, ${failed} failed`].join("\n");
}
