// Statistics, floors, tables and comparisons, fed with numbers.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 as SUITE_1 } from "@copse/core/provider";
import type { OperationCount } from "@copse/provider-select";
import { expect, test } from "vitest";
import { comparison, readReport, report, writeReport } from "../src/files.js";
import { floorOf, floorShares } from "../src/floor.js";
import { bytes, duration } from "../src/format.js";
import { hkdfBytes } from "../src/hpke-floor.js";
import { pace } from "../src/pace.js";
import { mergePrimitives, type Primitives } from "../src/primitive-prices.js";
import { median, quantile, type Result, Samples, timesAsLong } from "../src/samples.js";
import { primitivesTable, sharesTable, table } from "../src/table.js";

const count = (calls: number, items: number, bytesIn: number): OperationCount => ({
  calls,
  items,
  bytesIn,
  bytesOut: 0,
  failures: 0,
  milliseconds: 0,
});

const result: Result = {
  provider: "ours",
  suite: 1,
  members: 2,
  tree: "fresh",
  operation: "join",
  median: 2,
  low: 1.9,
  high: 2.1,
  runs: 3,
  turns: { 0: 2 },
};

const primitives: Primitives = {
  provider: "ours",
  suite: 1,
  rounds: 1,
  prices: {
    "signature.sign": { call: 1, item: 0, byte: 0 },
    "hash.hash": { call: 0.5, item: 0, byte: 0.001 },
    "hpke.sealAll": { call: 0, item: 2, byte: 0 },
  },
  hpke: { seal: { milliseconds: 3, overParts: 1.5 }, open: { milliseconds: 2, overParts: undefined } },
};

test("quantiles lie between neighbours", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 10, 2])).toBe(3);
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2);
  expect(quantile([1, 2], 0.75)).toBe(1.75);
  expect(quantile([7], 0.25)).toBe(7);
});

test("durations and sizes have three digits and the unit that suits them", () => {
  expect([0.00123, 0.5, 0.9999, 1.234, 56.78, 123.4, 999.7, 5678].map(duration)).toEqual([
    "1.23 µs",
    "500 µs",
    "1.00 ms",
    "1.23 ms",
    "56.8 ms",
    "123 ms",
    "1.00 s",
    "5.68 s",
  ]);
  expect([12.4, 2048, 20_480].map(bytes)).toEqual(["12 B", "2048 B", "20.0 KiB"]);
});

test("a floor is made of calls, items and bytes times their prices", () => {
  const counts = {
    "signature.sign": count(2, 2, 999),
    "hash.hash": count(1, 1, 500),
    "hpke.sealAll": count(1, 10, 4000),
    // Priced as single hashes, as there is no price for the batch.
    "hash.hashAll": count(1, 4, 100),
    // Without any price.
    "hpke.exportPrivateKey": count(7, 7, 0),
  };
  expect(floorOf(counts, primitives.prices)).toBeCloseTo(2 + (0.5 + 0.5) + 20 + (2 + 0.1));
  expect(floorShares(counts, primitives.prices)[0]).toMatchObject({ name: "hpke.sealAll", milliseconds: 20 });
  expect(floorOf({}, primitives.prices)).toBe(0);
});

test("HPKE's key schedule hands HKDF what RFC 9180 says", () => {
  // "HPKE-v1", the suite's id, a label, and what goes with it; a context is the mode and two digests.
  expect(hkdfBytes(SUITE_1, 20)).toEqual({
    extracts: [12 + 7 + 32, 17 + 9 + 20, 32 + 17 + 6],
    expands: [32 + 2 + 12 + 13 + 64, 32 + 2 + 17 + 3 + 65, 32 + 2 + 17 + 10 + 65],
  });
});

test("of several measurements of a primitive the median counts", () => {
  const times = (call: number) => ({ ...primitives, prices: { "hash.hash": { call, item: 0, byte: 1 } } });
  const merged = mergePrimitives([times(3), times(1), times(2), { ...primitives, provider: "other" }]);
  expect(merged).toHaveLength(2);
  expect(merged[0]).toMatchObject({ rounds: 3, prices: { "hash.hash": { call: 2, byte: 1 } } });
  expect(merged[0]?.hpke).toEqual(primitives.hpke);
});

test("samples are kept by place and operation, with the floor of what was recorded", () => {
  const samples = new Samples();
  const { provider, suite, members, tree } = result;
  const place = { provider, suite, members, tree };
  for (const time of [1, 3, 2]) samples.of(place, "join").add(time);
  samples.of({ ...place, members: 3 }, "join").add(9);
  samples.of(place, "join").counts = { "hash.hash": count(1, 1, 0) };
  for (const time of [0.7, 0.5, 0.4]) samples.of(place, "join").addFloor(time);
  const [first, second] = samples.results();
  expect(first).toMatchObject({ median: 2, low: 1.5, high: 2.5, runs: 3, floor: 0.5 });
  expect(second).toMatchObject({ members: 3, median: 9, runs: 1 });
  expect(second?.floor).toBeUndefined();
});

test("what is compared is of the same turns", () => {
  const samples = new Samples();
  const { provider, suite, members, tree } = result;
  const [ours, theirs] = [
    { provider, suite, members, tree },
    { provider: "ts-mls", suite, members, tree },
  ];
  // The machine gets slower from turn to turn; each turn has its own number of runs.
  for (const [ourTimes, theirTimes, floors] of [
    [[1, 1.1, 0.9], [10], [0.5]],
    [[4], [32, 32], [2]],
    [[9, 9], [], [6, 6]],
    [[6], [72, 60, 66], []],
  ] as const) {
    samples.turn++;
    for (const time of ourTimes) samples.of(ours, "join").add(time);
    for (const time of theirTimes) samples.of(theirs, "join").add(time);
    for (const time of floors) samples.of(ours, "join").addFloor(time);
  }
  const [first, second] = samples.results() as [Result, Result];
  expect(first.turns).toEqual({ 1: 1, 2: 4, 3: 9, 4: 6 });
  expect(timesAsLong(second, first)).toBeCloseTo(10);
  expect(timesAsLong(first, second)).toBeCloseTo(0.1);
  expect(first.overFloor).toBe(2);
  expect(second.overFloor).toBeUndefined();
  // Without a turn in common the medians must do.
  expect(timesAsLong({ median: 6, turns: { 1: 6 } }, { median: 2, turns: { 2: 2 } })).toBe(3);
});

test("the table compares with the floor and with ts-mls", () => {
  const lines = table([
    { ...result, floor: 1.6, overFloor: 1.25 },
    { ...result, provider: "ts-mls", median: 8, low: 8, high: 8, runs: 1, turns: { 0: 8 } },
    { ...result, operation: "memory per member", median: 1234, low: 1234, high: 1234, runs: 1 },
  ]).split("\n");
  expect(lines[0]).toMatch(/^suite 1, 2 members, fresh +ours +± runs +\/floor +\/ts-mls +ts-mls +± runs$/);
  expect(lines[2]).toMatch(/^join +2\.00 ms +5% 3 +1\.25 +0\.25 +8\.00 ms +1$/);
  expect(lines[3]).toMatch(/^memory per member +1234 B +1 +- +$/);
  expect(lines).toHaveLength(4);
  expect(table([])).toBe("");
});

test("primitives and shares of floors have tables too", () => {
  const lines = primitivesTable([primitives]).split("\n");
  expect(lines[0]).toMatch(/^suite 1, primitives +ours +per KiB$/);
  expect(lines.find((line) => line.startsWith("hpke.sealAll, an item"))).toContain("2.00 ms");
  expect(lines.find((line) => line.startsWith("hpke.seal / its parts"))).toMatch(/1\.50/);
  expect(lines.find((line) => line.startsWith("hpke.open / its parts"))).toMatch(/-/);
  const counts = { "signature.sign": count(3, 3, 0), "hash.hash": count(2, 2, 0) };
  const shares = sharesTable([{ ...result, counts, floor: 4 }], [primitives]).split("\n");
  expect(shares[2]).toMatch(/^join +ours +signature\.sign +3 +3 +3\.00 ms +75\.0%$/);
});

test("a later run is compared with an earlier one, and chance is marked", () => {
  const lines = comparison(
    [result, { ...result, operation: "save", low: 1.5 }],
    [
      { ...result, median: 1, low: 0.9, high: 1.1 },
      { ...result, operation: "save", median: 1.8, low: 1.7, high: 1.9 },
      { ...result, members: 3 },
    ],
  ).split("\n");
  expect(lines).toHaveLength(4);
  expect(lines[2]).toMatch(/^join, fresh +ours +1 +2 +2\.00 ms +1\.00 ms +0\.50 +faster$/);
  expect(lines[3]).toMatch(/0\.90 +too close to tell$/);
  expect(comparison([], [result])).toContain("Nothing");
});

test("reports are written and read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const file = join(folder, "report.json");
    await writeReport(file, report([result], [primitives]));
    const read = await readReport(file);
    expect(read.results).toEqual([result]);
    expect(read.cores).toBeGreaterThan(0);
    await expect(readReport(join(folder, "none.json"))).rejects.toThrow("--against: can't read");
    await writeFile(file, "{}");
    await expect(readReport(file)).rejects.toThrow("isn't a report");
    await expect(writeReport(join(folder, "no/such.json"), read)).rejects.toThrow("--json: can't write");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the pace of a call is that of one, whether it answers at once or later", async () => {
  let calls = 0;
  expect(await pace(() => calls++, 1)).toBeGreaterThan(0);
  expect(calls).toBeGreaterThan(25);
  expect(await pace(() => new Promise((resolve) => setTimeout(resolve, 2)), 1)).toBeGreaterThan(1);
});
