// Each planted fault is caught by the checks that name it, and each check catches one.
import { DeliveryError } from "@copse/delivery";
import {
  checksForDelivery,
  DeliveryConformanceError,
  formatDeliveryReport,
  testDelivery,
} from "@copse/delivery-conformance";
import { describe, expect, it } from "vitest";
import { faulty } from "./faults/faulty.js";
import { FAULTS } from "./faults/index.js";

const rows = FAULTS.flatMap(({ fault, caughtBy, service }) =>
  caughtBy.map((name) => [fault, name, service] as const),
);

describe("a service that", () => {
  it.each(rows)('%s is caught by "%s"', async (_, caughtBy, service) => {
    // What a fault leaves waiting for ever has failed after this time, too.
    const check = checksForDelivery(service, { timeLimit: 150 }).find(({ name }) => name === caughtBy);
    expect(check?.skipped, "there is such a check, and it isn't skipped").toBe(undefined);
    const result = await check?.result();
    expect(result).toMatchObject({ outcome: "failed" });
  });

  it("fails a check fails the test that runs it", async () => {
    const [first] = checksForDelivery(
      { ...faulty(() => ({})), name: "late", connect: () => new Promise(() => {}) },
      { timeLimit: 20 },
    );
    await expect(first?.run()).rejects.toThrow(DeliveryConformanceError);
    await expect(first?.run()).rejects.toThrow(/^late: log: .*: something has not come after 0.02 seconds$/);
  });
});

describe("a report names the call", () => {
  const detailOf = async (name: string, fault: Parameters<typeof faulty>[0]) => {
    const check = checksForDelivery(faulty(fault)).find((one) => one.name === name);
    return (await check?.result())?.detail;
  };
  const gone = () => new DeliveryError("not-found", "no such group");

  it("that has thrown what nobody expected", async () => {
    const groupInfo = () => Promise.reject(gone());
    expect(await detailOf("log: groups are apart", () => ({ groupInfo }))).toBe(
      "groupInfo: unexpected DeliveryError: no such group (not-found)",
    );
  });

  it.each(["subscribe", "inbox"] as const)("by which a reader came: %s", async (name) => {
    const reader = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(gone()) }) });
    expect(await detailOf("log: a reader is told that there is nothing", () => ({ [name]: reader }))).toBe(
      `${name}: unexpected DeliveryError: no such group (not-found)`,
    );
  });

  it("that has taken what is malformed", async () => {
    const name = "input: malformed key packages are refused";
    const withdrawKeyPackages = async () => undefined;
    expect(await detailOf(name, () => ({ withdrawKeyPackages }))).toBe(
      "withdrawKeyPackages, references: null: expected a DeliveryError invalid, got undefined",
    );
  });
});

const names = checksForDelivery(faulty(() => ({}))).map(({ name }) => name);

it.each(names)("%s catches a planted fault", (name) => {
  expect(FAULTS.some(({ caughtBy }) => caughtBy.includes(name))).toBe(true);
});

it("what is planted is named once", () => {
  expect(new Set(FAULTS.map(({ fault }) => fault)).size).toBe(FAULTS.length);
  expect(FAULTS.length).toBeGreaterThan(70);
});

it("without its faults the service passes, and the report says so", async () => {
  const report = await testDelivery(faulty(() => ({})));
  const skipped = report.checks.filter(({ outcome }) => outcome === "skipped");
  expect(report.skipped).toBe(skipped.length);
  const lines = skipped.map(({ name, detail }) => `skipped ${name}: ${detail}`);
  const sums = `faulty: ${names.length - skipped.length} passed, 0 failed, ${skipped.length} skipped`;
  expect(formatDeliveryReport(report)).toBe([...lines, sums].join("\n"));
});

it("what isn't a service to be tested is refused", () => {
  expect(() => checksForDelivery({} as never)).toThrow("start() and connect()");
  expect(() => checksForDelivery(faulty(() => ({}), {}, { members: "checked" }))).toThrow("crypto");
});
