// RFC 9420 §5.1: in short effort the kit runs the same checks, and still finds most that is wrong.
import { checksFor, testProvider } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { expect, it } from "vitest";
import { FAULTS } from "./faults/index.js";

it("short effort has the checks of full effort", () => {
  const names = (effort: "full" | "short") =>
    checksFor(nodeProvider(), { suites: [1, 2], effort }).map(({ suite, name }) => `${suite}: ${name}`);
  expect(names("short")).toEqual(names("full"));
});

it("short effort makes less than half as many keys and signatures", async () => {
  const calls = async (effort: "full" | "short") => {
    let count = 0;
    const { hpke, signature, ...rest } = nodeProvider().suite(1);
    const counting = <T extends object>(part: T): T =>
      new Proxy(part, {
        get(target, name) {
          count++;
          return Reflect.get(target, name);
        },
      });
    const suite = { ...rest, hpke: counting({ ...hpke }), signature: counting({ ...signature }) };
    const provider = { ...nodeProvider(), suites: [suite.suite], suite: () => suite };
    const report = await testProvider(provider, { effort, areas: ["hpke keys", "signature keys"] });
    expect(report.failed).toBe(0);
    return count;
  };
  expect(2 * (await calls("short"))).toBeLessThan(await calls("full"));
});

// What is left goes wrong rarely, in large batches or in large inputs.
it("short effort finds more than nine of ten planted faults", async () => {
  const areas = Object.values(FAULTS);
  const missed: string[] = [];
  const run = async (faults: (typeof areas)[number]) => {
    for (const { fault, caughtBy, provider, options } of faults) {
      const named = checksFor(provider, { ...options, effort: "short" }).filter(
        ({ name }) => name === caughtBy,
      );
      const results = await Promise.all(named.map((check) => check.result()));
      if (!results.some(({ outcome }) => outcome === "failed")) missed.push(`${fault}: "${caughtBy}"`);
    }
  };
  // Some wait for a call that never settles.
  await Promise.all(areas.map(run));
  expect(missed.length, missed.join("\n")).toBeLessThan(areas.flat().length / 10);
});
