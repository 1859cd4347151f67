// Each planted fault is caught by the checks that name it, and each check catches one.
import { DELIVERY_METHODS, DeliveryError, type MemoryDelivery, memoryDelivery } from "@copse/delivery";
import {
  checksForDelivery,
  DeliveryConformanceError,
  formatDeliveryReport,
  testDelivery,
} from "@copse/delivery-conformance";
import { describe, expect, it } from "vitest";
import { crypto, faulty } from "./faults/faulty.js";
import { FAULTS } from "./faults/index.js";

const rows = FAULTS.flatMap(({ fault, caughtBy, service }) =>
  caughtBy.map((name) => [fault, name, service] as const),
);

describe("a service that", () => {
  it.each(rows)('%s is caught by "%s"', async (_, caughtBy, service) => {
    // What a fault leaves waiting for ever has failed after this time, too.
    const check = checksForDelivery(service, { timeLimit: 400 }).find(({ name }) => name === caughtBy);
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
    await expect(first?.run()).rejects.toThrow(
      /^late: log: an entry is what was sent: no answer of connect\(\) for 0\.\d+ seconds\. The timeLimit is 0\.02 seconds$/,
    );
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
      "withdrawKeyPackages, references: null: expected a DeliveryError invalid, got the result undefined",
    );
    expect(await detailOf("input: a malformed message is refused", () => ({ send: async () => "2" }))).toBe(
      'send, id: undefined: expected a DeliveryError invalid, got the result "2"',
    );
  });

  it("and shortens bytes so that one sees by what they differ", async () => {
    const name = "key packages: they are what was published";
    const all = ({ inner }: Parameters<Parameters<typeof faulty>[0]>[0]) => ({
      async claimKeyPackages(user: string, suite: number) {
        const claimed = await inner.claimKeyPackages(user, suite);
        for (const one of claimed) one[one.length - 1] = 0;
        return claimed;
      },
    });
    expect(await detailOf(name, all)).toMatch(
      /^the key package: expected 1: 1996 bytes 1c232a31383f464d\.\.\.[0-9a-f]{14}a9, got 1: 1996 bytes 1c.*00$/,
    );
  });

  it("of a service that checks members, and is tested as one that doesn't", async () => {
    const [first] = checksForDelivery(faulty(() => ({}), { members: "checked", crypto }));
    expect((await first?.result())?.detail).toBe(
      "send: unexpected DeliveryError: expected the key of an epoch, got none (forbidden)." +
        ' If the service checks members, test it with members: "checked"',
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
  const members = skipped.filter(({ name }) => name.startsWith("members")).length;
  expect(formatDeliveryReport(report).split("\n")).toEqual([
    "skipped 1 check (none): the service orders handshakes",
    `skipped ${members} checks (members): the service doesn't check membership`,
    `faulty: ${names.length - skipped.length} passed, 0 failed, ${skipped.length} skipped`,
  ]);
});

describe("a report says what the author's own functions did", () => {
  const wrong = () => {
    throw new DeliveryError("unavailable", "no docker");
  };
  const without = (...names: readonly string[]) =>
    Object.fromEntries(
      DELIVERY_METHODS.filter((name) => !names.includes(name)).map((name) => [name, () => {}]),
    ) as never;

  it.each([
    ["start() threw DeliveryError: no docker (unavailable)", { start: wrong }],
    ["connect() threw DeliveryError: no docker (unavailable)", { connect: wrong }],
    ["stop() threw DeliveryError: no docker (unavailable)", { stop: wrong }],
    ["connect() gave undefined", { connect: () => undefined as never }],
    ["connect() gave an object without send, clearInbox", { connect: () => without("send", "clearInbox") }],
  ])("%s", async (detail, under) => {
    const { checks } = await testDelivery(faulty(() => ({}), {}, under));
    const failed = checks.filter(({ outcome }) => outcome === "failed");
    expect(failed.length).toBeGreaterThan(50);
    expect(new Set(failed.map((one) => one.detail))).toEqual(new Set([detail]));
  });
});

it.each([
  ['there is no option "nam" here, only name', { nam: "x" }],
  ["name: expected string, got undefined", { name: undefined }],
  ['members: expected "checked" or "unchecked", got "yes"', { members: "yes" }],
  ['ordering: expected "service" or "none", got "sevice"', { ordering: "sevice" }],
  ['there is no option "limits.messages" here, only message, keyPackages', { limits: { messages: 5 } }],
  ["restart: expected function, got boolean", { restart: true }],
  [
    "limits.message: expected a whole number from 1024 on, which the checks need, got -1",
    { limits: { message: -1 } },
  ],
  [
    "limits.keyPackages: expected a whole number from 20 on, which the checks need, got 1.5",
    { limits: { keyPackages: 1.5 } },
  ],
])("refuses to test a service: %s", async (said, more) => {
  const under = faulty(() => ({}), {}, more as never);
  expect(() => checksForDelivery(under)).toThrow(DeliveryConformanceError);
  await expect(testDelivery(under)).rejects.toThrow(said);
});

it.each([
  ["timeLimit: expected number, got string", { timeLimit: "x" }],
  ["timeLimit: expected 0 or more milliseconds, got NaN", { timeLimit: Number.NaN }],
  ['there is no option "timelimit" here, only timeLimit', { timelimit: 1 }],
])("refuses options: %s", (said, options) => {
  expect(() =>
    checksForDelivery(
      faulty(() => ({})),
      options as never,
    ),
  ).toThrow(said);
});

it("takes a service to be tested that is of a class", async () => {
  class Under {
    readonly name = "of a class";
    start = () => memoryDelivery();
    connect(memory: MemoryDelivery, user: string, client: string) {
      return memory.connect(user, client);
    }
    restart(memory: MemoryDelivery) {
      memory.restart();
    }
  }
  const [first] = checksForDelivery(new Under());
  expect(await first?.result()).toMatchObject({ outcome: "passed" });
});

it("what isn't a service to be tested is refused", () => {
  expect(() => checksForDelivery({} as never)).toThrow("start() and connect()");
  expect(() => checksForDelivery(faulty(() => ({}), {}, { members: "checked" }))).toThrow("crypto");
});
