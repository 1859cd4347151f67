// The service in memory passes all checks that it can be asked for, in each of its kinds.
import { type MemoryDeliveryOptions, memoryDelivery } from "@copse/delivery";
import { checksForDelivery, type DeliveryUnderTest } from "@copse/delivery-conformance";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";

const LIMITS = { message: 100_000, keyPackages: 50 };

function memory(
  options: MemoryDeliveryOptions = {},
  more: Partial<DeliveryUnderTest<ReturnType<typeof memoryDelivery>>> = {},
) {
  return {
    name: "memory",
    start: () => memoryDelivery({ limits: LIMITS, ...options }),
    connect: (service: ReturnType<typeof memoryDelivery>, user: string, client: string) =>
      service.connect(user, client),
    restart: (service: ReturnType<typeof memoryDelivery>) => service.restart(),
    limits: LIMITS,
    ...more,
  };
}

const crypto = nodeProvider();

describe.each([
  ["that orders", memory(), ["members", "none"]],
  ["with small batches", memory({ batch: 7 }), ["members", "none"]],
  [
    "that checks membership",
    memory({ members: "checked", crypto }, { members: "checked", crypto }),
    ["handshakes", "none"],
  ],
  [
    "that doesn't order",
    memory({ ordering: "none" }, { ordering: "none" }),
    ["group info", "handshakes", "ids", "inbox", "input", "log", "members", "restart"],
  ],
] as const)("a service in memory %s passes", (_, under, skippedAreas) => {
  const checks = checksForDelivery(under, { timeLimit: 5000 });
  it.each(checks.filter(({ skipped }) => skipped === undefined).map((check) => [check.name, check] as const))(
    "%s",
    (_, check) => check.run(),
  );

  it("and is asked for what it has", () => {
    const skipped = checks
      .filter((check) => check.skipped !== undefined)
      .map(({ name }) => name.split(":")[0]);
    expect([...new Set(skipped)].sort()).toEqual(skippedAreas);
  });
});
