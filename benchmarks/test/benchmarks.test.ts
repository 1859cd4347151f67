// The command line, the statistics and the table of the benchmarks, and one measurement of every backend.
import { describe, expect, test } from "vitest";
import { backends } from "../src/backends.js";
import { measure, median, OPERATIONS } from "../src/measure.js";
import { parseOptions, UsageError, usage } from "../src/options.js";
import { duration, table } from "../src/table.js";

const NAMES = ["ours", "ts-mls"];

describe("the command line", () => {
  test("has defaults", () => {
    expect(parseOptions([], NAMES)).toEqual({
      suites: undefined,
      members: [2, 100, 1000],
      backends: undefined,
      runs: undefined,
      json: undefined,
    });
  });

  test("takes lists, given once or several times", () => {
    const args = ["--suite", "1,2", "--suite=3", "--members", "2, 50,2", "--backends", "ours", "--runs", "4"];
    expect(parseOptions([...args, "--json", "out.json"], NAMES)).toEqual({
      suites: [1, 2, 3],
      members: [2, 50],
      backends: ["ours"],
      runs: 4,
      json: "out.json",
    });
    expect(parseOptions(["--help"], NAMES)).toBe("help");
  });

  test.each([
    [["--suite", "x"], '--suite: "x" is not a whole number from 1 to 65535'],
    [["--suite", "0"], '"0" is not a whole number'],
    [["--members", "1"], '--members: "1" is not a whole number from 2'],
    [["--members", "2,"], "--members: a value is empty"],
    [["--members", "1e3"], '"1e3" is not a whole number'],
    [["--runs", "0"], '--runs: "0"'],
    [["--backends", "theirs"], '--backends: there is no "theirs"; choose of ours, ts-mls'],
    [["--json="], "--json needs the name of a file"],
    [["--fast"], "'--fast'"],
    [["more"], "more"],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args, NAMES)).toThrow(UsageError);
    expect(() => parseOptions(args, NAMES)).toThrow(message);
  });

  test("explains every option", () => {
    for (const flag of ["--suite", "--members", "--backends", "--runs", "--json", "--help"]) {
      expect(usage(NAMES)).toContain(flag);
    }
  });
});

test("median", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 10, 2])).toBe(3);
});

test("durations have three digits and the unit that suits them", () => {
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
});

test("the table compares with ts-mls", () => {
  const common = { suite: 1, members: 2, operation: "join", runs: 3 } as const;
  const lines = table([
    { ...common, backend: "ours", milliseconds: 2 },
    { ...common, backend: "ts-mls", milliseconds: 8 },
  ]).split("\n");
  expect(lines[0]).toMatch(/^suite 1, 2 members +ours +ratio +ts-mls$/);
  expect(lines.find((line) => line.startsWith("join"))).toMatch(/^join +2\.00 ms +0\.25 +8\.00 ms$/);
  expect(lines.find((line) => line.startsWith("encrypt"))).toMatch(/^encrypt 1 KiB +- +- +-$/);
});

test.each(backends.map((backend) => [backend.name, backend] as const))(
  "%s is measured",
  async (_, backend) => {
    for (const suite of await backend.suites()) {
      const results = await measure(backend, suite, 3, 1);
      expect(results.map(({ operation }) => operation)).toEqual([...OPERATIONS]);
      for (const { milliseconds } of results) expect(milliseconds).toBeGreaterThan(0);
    }
  },
);
