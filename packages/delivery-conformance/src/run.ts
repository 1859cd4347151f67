// All checks of a delivery service, as a list for a test runner or run to a report.
import { check, type DeliveryCheck, type DeliveryCheckResult } from "./check.js";
import { endChecks } from "./checks/ends.js";
import { groupInfoChecks } from "./checks/group-info.js";
import { handshakeChecks } from "./checks/handshakes.js";
import { idChecks } from "./checks/ids.js";
import { inboxChecks } from "./checks/inbox.js";
import { inputChecks } from "./checks/input.js";
import { keyPackageChecks } from "./checks/key-packages.js";
import { logChecks } from "./checks/log.js";
import { memberChecks } from "./checks/members.js";
import { restartChecks } from "./checks/restart.js";
import { fail } from "./tools.js";
import type { DeliveryUnderTest } from "./under.js";

export interface DeliveryConformanceOptions {
  /** How long each check may take, in milliseconds; by default one minute. One that takes longer fails. */
  readonly timeLimit?: number;
}

/** What came of all checks. A service conforms if `failed` is 0. */
export interface DeliveryConformanceReport {
  readonly service: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** In the order in which they were run. */
  readonly checks: readonly DeliveryCheckResult[];
}

const CHECKS = {
  ...logChecks,
  ...handshakeChecks,
  ...idChecks,
  ...endChecks,
  ...keyPackageChecks,
  ...inboxChecks,
  ...groupInfoChecks,
  ...inputChecks,
  ...memberChecks,
  ...restartChecks,
};

/**
 * All checks of a service, none run yet: each becomes a test of one's own runner, with
 * `test(check.name, () => check.run())`.
 * @throws DeliveryConformanceError if it isn't a service to be tested
 */
export function checksForDelivery<Service>(
  under: DeliveryUnderTest<Service>,
  { timeLimit = 60_000 }: DeliveryConformanceOptions = {},
): DeliveryCheck[] {
  if (typeof under?.start !== "function" || typeof under.connect !== "function")
    fail("expected an object with start() and connect()");
  if (under.members === "checked" && under.crypto === undefined)
    fail("crypto: a service that checks membership is checked with real keys, by a provider");
  return Object.entries(CHECKS).map(([name, definition]) => check(under, name, definition, timeLimit));
}

/**
 * Runs all checks against a service. What fails is in the report.
 * @example
 * const report = await testDelivery({
 *   name: "memory",
 *   start: () => memoryDelivery(),
 *   connect: (service, user, client) => service.connect(user, client),
 *   restart: (service) => service.restart(),
 * });
 * console.log(formatDeliveryReport(report));
 */
export async function testDelivery<Service>(
  under: DeliveryUnderTest<Service>,
  options: DeliveryConformanceOptions = {},
): Promise<DeliveryConformanceReport> {
  const checks: DeliveryCheckResult[] = [];
  for (const one of checksForDelivery(under, options)) checks.push(await one.result());
  const count = (wanted: DeliveryCheckResult["outcome"]) =>
    checks.filter(({ outcome }) => outcome === wanted).length;
  return {
    service: under.name,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    checks,
  };
}

/** A report for people: what failed and what was skipped, with the reasons, and the sums. */
export function formatDeliveryReport(report: DeliveryConformanceReport): string {
  const { service, passed, failed, skipped, checks } = report;
  const lines = checks.flatMap(({ name, outcome, detail }) =>
    outcome === "passed" ? [] : [`${outcome === "failed" ? "FAILED" : "skipped"} ${name}: ${detail}`],
  );
  return [...lines, `${service}: ${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
}
