// The bars of hostile inputs, and what misses them.
import { describe, expect, it } from "vitest";
import { missed, type Result, tableOf } from "../src/hostile/verdict.js";

const KB = 1024;

function result(stage: "before" | "after", size: number, ms: number, memory: number, half = ms / 2): Result {
  const cost = (bytes: number, time: number) => ({ bytes, ms: time, outcome: "fork" });
  return {
    of: { entry: "receive", name: `${stage} ${size}`, stage },
    half: cost((size * KB) / 2, half),
    whole: cost(size * KB, ms),
    memory,
  };
}

describe("a hostile input", () => {
  it.each<[string, Result, string[]]>([
    ["within all bars", result("before", 100, 9.9, 1999 * KB), []],
    ["too slow before a signature", result("before", 100, 10.1, 0), ["time"]],
    ["as slow after it", result("after", 100, 10.1, 0), []],
    ["too slow after it", result("after", 100, 201, 0), ["time"]],
    ["with too much memory before a signature", result("before", 100, 1, 2001 * KB), ["memory"]],
    ["with too much memory after it", result("after", 100, 1, 30_001 * KB), ["memory"]],
    ["that grows with the square", result("after", 100, 100, 0, 25), ["growth"]],
    ["too short to tell how it grows", result("after", 100, 8, 0, 2), []],
    ["that takes more than a second", result("after", 1000, 1001, 0), ["longest"]],
    ["of a few bytes, which counts as a kilobyte", result("after", 0.2, 1.9, 0), []],
  ])("%s", (_, one, expected) => {
    expect(missed(one)).toEqual(expected);
  });
  it("that is nearest to its bar is the first of the table", () => {
    const lines = tableOf([result("after", 100, 100, 0), result("before", 100, 8, 0)]).split("\n");
    expect(lines[2]).toContain("before 100");
    expect(lines.at(-1)).toBe("The worst: receive, before 100: 80 % of its bar");
  });
});

/** Not an import of types: the cases reach into the core's sources, the benchmarks into what it is built to. */
const CASES = "../src/hostile/cases.js";
interface Case {
  readonly entry: string;
  readonly name: string;
  make(size: number): Promise<{ run(): Promise<unknown> }>;
}

it("every hostile input can be made, and no wrong call is taken for it", async () => {
  const { hostileCases } = (await import(/* @vite-ignore */ CASES)) as { hostileCases: readonly Case[] };
  expect(hostileCases.length).toBeGreaterThan(50);
  for (const { entry, name, make } of hostileCases) {
    const { run } = await make(4 * KB).catch((error) => {
      throw new Error(`${entry}: ${name} can't be made`, { cause: error });
    });
    const outcome = await run().then(
      () => "accepted",
      ({ code }) => code ?? "not an MlsError",
    );
    expect(["usage", "encode", "not an MlsError"], `${entry}: ${name}`).not.toContain(outcome);
  }
});
