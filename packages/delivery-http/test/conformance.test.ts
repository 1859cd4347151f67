// The service passes the checks for delivery services, on a real port, with real restarts.
import { checksForDelivery, type DeliveryUnderTest } from "@copse/delivery-conformance";
import type { ServeDeliveryOptions } from "@copse/delivery-http/server";
import { afterAll, describe, expect, it } from "vitest";
import { crypto, TestService } from "./support.js";

const LIMITS = { message: 100_000, keyPackages: 50 };

function http(
  options: Partial<ServeDeliveryOptions>,
  more: Partial<DeliveryUnderTest<TestService>>,
): DeliveryUnderTest<TestService> {
  let running: Promise<TestService> | undefined;
  afterAll(async () => (await running)?.stop());
  return {
    name: "http",
    // One for all checks: no two have a user or a group in common.
    start: () => (running ??= new TestService({ limits: LIMITS, admit: () => true, ...options }).start()),
    connect: (service, user, client) => service.connect(user, client),
    restart: (service) => service.restart(),
    limits: LIMITS,
    ...more,
  };
}

const both = [
  ["that checks membership", http({}, { members: "checked", crypto }), () => true],
  // Those that the other one can't be asked for.
  ["that doesn't", http({ members: "unchecked" }, {}), (name: string) => name.startsWith("handshakes:")],
] as const;

describe.each(both)("a service by HTTP %s passes", (_, under, isWanted) => {
  const checks = checksForDelivery(under, { timeLimit: 10_000 }).filter(
    ({ name, skipped }) => skipped === undefined && isWanted(name),
  );
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});

it("and is asked for all that the kit has, but for services that don't order", () => {
  const skipped = both.map(([, under]) =>
    checksForDelivery(under)
      .filter((check) => check.skipped !== undefined)
      .map(({ name }) => name.split(":")[0]),
  );
  expect(skipped.map((areas) => [...new Set(areas)].sort())).toEqual([
    ["handshakes", "none"],
    ["members", "none"],
  ]);
});
