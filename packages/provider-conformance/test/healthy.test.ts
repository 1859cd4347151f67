// RFC 9420 §5.1: a healthy provider passes every check.
import { checksFor, formatReport, runChecks, testProvider } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { expect, it } from "vitest";

const provider = nodeProvider();

it("passes a healthy provider", async () => {
  // In full effort by all providers' own tests.
  const options = { suites: [2, 4], second: nodeProvider(), make: nodeProvider, effort: "short" } as const;
  const report = await testProvider(provider, options);
  expect(report.checks.filter(({ outcome }) => outcome === "failed")).toEqual([]);
  expect(new Set(report.checks.map(({ suite }) => suite)).size).toBe(1 + 2);
  // What is skipped is known, and each says why.
  const skipped = report.checks.filter(({ outcome }) => outcome === "skipped");
  expect(new Map(skipped.map(({ name, detail }) => [name, detail]))).toEqual(
    new Map([
      ["hpke keys: loads what it saves", "there is no savePrivateKey"],
      ["hpke: known answers of RFC 9180", "there are none for this suite"],
    ]),
  );
  expect(report.passed + report.failed + report.skipped).toBe(report.checks.length);
  expect(formatReport(report)).toMatch(/^SKIPPED .*\nnode: \d+ passed, 0 failed, 3 skipped$/s);
});

it("gives the same checks as a list, and their results one by one", async () => {
  const options = { suites: [3], effort: "short" } as const;
  const names = checksFor(provider, options).map(({ suite, name }) => `${suite}: ${name}`);
  expect(new Set(names).size).toBe(names.length);
  const run: string[] = [];
  for await (const { suite, name } of runChecks(provider, options)) run.push(`${suite}: ${name}`);
  expect(run).toEqual(names);
});
