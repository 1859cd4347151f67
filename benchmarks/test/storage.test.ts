// The section "storage": what is written is counted, and all ways to keep the state are measured in the same rounds.
import { afterAll, expect, test } from "vitest";
import { measureStorage, storageTable } from "../src/storage/main.js";
import { keepings } from "../src/storage/storages.js";

const { all } = await keepings();
afterAll(async () => {
  for (const { end } of all) await end();
});

test.each([2, 10])("times and bytes in a group of %i, for each way to keep the state", async (members) => {
  const results = await measureStorage(members, all, 2, () => {});
  const find = (operation: string, keeping: string) =>
    results.find((one) => one.operation === operation && one.keeping === keeping);
  for (const { milliseconds } of results) expect(milliseconds).toBeGreaterThan(0);
  for (const way of ["memory", "sqlite"]) {
    expect(find("encrypt", way)?.bytes).toBeGreaterThan(100);
    expect(find("encrypt", way)?.bytes).toBeLessThanOrEqual(300);
    expect(find("receive", way)?.bytes).toBeLessThanOrEqual(300);
    expect(find("encrypt, 100 at once", way)?.bytes).toBeLessThan(10);
    expect(find("restore", way)).toBeDefined();
  }
  // Two values, and the version.
  const sealing = (find("encrypt", "sealed")?.bytes as number) - (find("encrypt", "memory")?.bytes as number);
  expect(sealing).toBeGreaterThan(100);
  expect(sealing).toBeLessThan(150);
  expect(find("encrypt", "none")?.bytes).toBeUndefined();
  expect(find("encrypt", "save()")?.bytes).toBeGreaterThan(1000);
  expect(find("restore", "none")).toBeUndefined();
  const [head, , ...rows] = storageTable(members, results).split("\n");
  expect(head).toContain(`storage, suite 1, ${members} members`);
  expect(rows).toHaveLength(new Set(results.map(({ operation }) => operation)).size);
});
