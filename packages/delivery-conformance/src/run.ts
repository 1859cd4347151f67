// All checks of a delivery service, as a list for a test runner or run to a report.
import { checkOptions, type OptionKind, type OptionShape } from "@copse/core/provider";
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

const OPTIONS: OptionShape<DeliveryConformanceOptions> = { timeLimit: "number" };
const UNDER: OptionShape<DeliveryUnderTest> = {
  name: ["string", "!"],
  start: ["function", "!"],
  connect: ["function", "!"],
  restart: "function",
  stop: "function",
  ordering: ['"service"', '"none"'],
  members: ['"checked"', '"unchecked"'],
  crypto: "object",
  limits: { message: "number", keyPackages: "number" },
};

/** @throws DeliveryConformanceError */
function checkGiven(value: unknown, kind: OptionKind): void {
  try {
    checkOptions(value, kind);
  } catch (error) {
    fail((error as Error).message);
  }
}

/**
 * All checks of a service, none run yet: each becomes a test of one's own runner, with
 * `test(check.name, () => check.run())`.
 * @throws DeliveryConformanceError if it isn't a service to be tested, or for wrong options
 */
export function checksForDelivery<Service>(
  under: DeliveryUnderTest<Service>,
  options: DeliveryConformanceOptions = {},
): DeliveryCheck[] {
  if (typeof under?.start !== "function" || typeof under.connect !== "function")
    fail("expected an object with start() and connect()");
  // It may be of a class: what that has is read by its name.
  const named = Object.keys(UNDER).map((name) => [name, under[name as keyof typeof under]]);
  checkGiven({ ...under, ...Object.fromEntries(named) }, UNDER);
  checkGiven(options, OPTIONS);
  const { timeLimit = 60_000 } = options;
  if (!(timeLimit >= 0)) fail(`timeLimit: expected 0 or more milliseconds, got ${timeLimit}`);
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
