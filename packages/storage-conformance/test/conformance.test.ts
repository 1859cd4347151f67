// The checks pass for a good storage, and each planted fault is caught by the check that names it.
import {
  checksForStorage,
  formatStorageReport,
  StorageConformanceError,
  testStorage,
} from "@copse/storage-conformance";
import { describe, expect, it } from "vitest";
import { under } from "./faults/faulty.js";
import { FAULTS } from "./faults/index.js";

const memory = () =>
  under(({ inner }) => ({ handles: true, get: inner.get, list: inner.list, write: inner.write }));

describe("a good storage passes:", () => {
  it.each(checksForStorage(memory()).map((check) => [check.name, check] as const))("%s", (_, check) =>
    check.run(),
  );

  it("also one that answers with promises, and late", async () => {
    const late = under(({ inner }) => {
      const after = async <T>(work: () => T | Promise<T>): Promise<T> => {
        await Promise.resolve();
        return work();
      };
      return {
        handles: true,
        get: (key) => after(() => inner.get(key)),
        list: (prefix) => after(() => inner.list(prefix)),
        write: (...write) => after(() => inner.write(...write)),
      };
    });
    const report = await testStorage(late);
    expect(formatStorageReport(report)).toBe(`faulty: ${report.checks.length} passed, 0 failed`);
  });
});

describe("a storage that", () => {
  it.each(FAULTS.map(({ fault, caughtBy, storage }) => [fault, caughtBy, storage] as const))(
    '%s is caught by "%s"',
    async (_, caughtBy, storage) => {
      const check = checksForStorage(storage, { timeLimit: 30_000 }).find(({ name }) => name === caughtBy);
      expect(check, "there is such a check").toBeDefined();
      expect(await check?.result()).toMatchObject({ outcome: "failed" });
      await expect(check?.run()).rejects.toThrow(StorageConformanceError);
    },
  );

  it("never answers is caught, and the report says so", async () => {
    const stuck = under(({ inner }) => ({ ...inner, get: () => new Promise(() => undefined) }));
    const [first] = checksForStorage(stuck, { timeLimit: 20 });
    expect(await first?.result()).toMatchObject({
      outcome: "failed",
      detail: expect.stringContaining("settled"),
    });
  });
});

describe("each check", () => {
  it.each(checksForStorage(memory()).map(({ name }) => name))("%s catches a planted fault", (name) => {
    expect(FAULTS.some(({ caughtBy }) => caughtBy === name)).toBe(true);
  });
});

it("what isn't a storage to be tested is refused", () => {
  expect(() => checksForStorage({} as never)).toThrow("expected an object with open()");
});
