// All checks of a delivery service, as a list for a test runner or run to a report.
import { checkOptions, type OptionKind, type OptionShape } from "@copse/core/provider";
import { check, type DeliveryCheck, type DeliveryCheckResult, hangsOf } from "./check.js";
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
import { fail, shown } from "./tools.js";
import type { DeliveryUnderTest } from "./under.js";

export interface DeliveryConformanceOptions {
  /** How long each check may take, in milliseconds; by default one minute. One that takes longer fails, and says what hasn't answered. */
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
  ordering: "unknown",
  members: "unknown",
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

/** What the checks send and publish all the time. */
const LEAST = { message: 1024, keyPackages: 20 };

/** @throws DeliveryConformanceError */
function checkValues({ ordering, members, crypto, limits = {} }: DeliveryUnderTest): void {
  const known = { ordering: ["service", "none", undefined], members: ["checked", "unchecked", undefined] };
  if (!known.ordering.includes(ordering))
    fail(`ordering: expected "service" or "none", got ${shown(ordering)}`);
  if (!known.members.includes(members))
    fail(`members: expected "checked" or "unchecked", got ${shown(members)}`);
  for (const name of ["message", "keyPackages"] as const) {
    const [limit, least] = [limits[name], LEAST[name]];
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= least))
      fail(`limits.${name}: expected a whole number from ${least} on, which the checks need, got ${limit}`);
  }
  if (members === "checked" && crypto === undefined)
    fail("crypto: a service that checks membership is checked with real keys, by a provider");
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
  checkValues(under as DeliveryUnderTest);
  return Object.entries(CHECKS).map(([name, definition]) => check(under, name, definition, timeLimit));
}

/** The area of a check, with which its name begins. */
const areaOf = ({ name }: { readonly name: string }) => name.split(":")[0] as string;

/** After so many checks of an area, in a row, in which the same call has not answered, the area is given up. */
const HANGING = 3;

/** Runs checks one after the other, as long as the service answers. */
async function runAll(checks: readonly DeliveryCheck[]): Promise<DeliveryCheckResult[]> {
  const results: DeliveryCheckResult[] = [];
  /** The areas that were given up, and the calls for which. */
  const given = new Map<string, string>();
  let hanging: (string | undefined)[] = [];
  for (const [i, one] of checks.entries()) {
    const area = areaOf(one);
    if (i > 0 && area !== areaOf(checks[i - 1]!)) hanging = [];
    // One that hangs in two areas does so in the others, too.
    const call = [...given.values()].find((name, i, all) => all.indexOf(name) < i) ?? given.get(area);
    if (call !== undefined && one.skipped === undefined) {
      const detail = `not run, because there was no answer of ${call} in ${HANGING} checks in a row`;
      results.push({ name: one.name, outcome: "skipped", detail });
      continue;
    }
    const result = await one.result();
    results.push(result);
    if (result.outcome === "skipped") continue;
    hanging = [...hanging, hangsOf(result)].slice(-HANGING);
    const [first] = hanging;
    if (first !== undefined && hanging.length === HANGING && hanging.every((name) => name === first))
      given.set(area, first);
  }
  return results;
}

/**
 * Runs all checks against a service. What fails is in the report. Where a call of the service doesn't answer in three checks of
 * an area in a row, the rest of the area is skipped, and all the rest if that happens in a second area: the report says so.
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
  const checks = await runAll(checksForDelivery(under, options));
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

const areasOf = (checks: readonly DeliveryCheckResult[]) => [...new Set(checks.map(areaOf))].join(", ");

/** A report for people: what failed, what was skipped for the same reason, and the sums. */
export function formatDeliveryReport(report: DeliveryConformanceReport): string {
  const { service, passed, failed, skipped, checks } = report;
  const of = (wanted: DeliveryCheckResult["outcome"]) => checks.filter(({ outcome }) => outcome === wanted);
  const failures = of("failed").map(({ name, detail }) => `FAILED ${name}: ${detail}`);
  const reasons = [...new Set(of("skipped").map(({ detail }) => detail))].map((reason) => {
    const some = of("skipped").filter(({ detail }) => detail === reason);
    return `skipped ${some.length} ${some.length === 1 ? "check" : "checks"} (${areasOf(some)}): ${reason}`;
  });
  const sums = `${service}: ${passed} passed, ${failed} failed, ${skipped} skipped`;
  return [...failures, ...reasons, sums].join("\n");
}
