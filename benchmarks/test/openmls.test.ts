// Copse beside OpenMLS: that all of them do what is measured.
import { whyMissing } from "@copse/peer-davey";
import { expect, test } from "vitest";
import { Crowd } from "../src/crowd.js";
import { daveyResults } from "../src/davey.js";
import { whyNotIn } from "../src/implementation.js";
import { node } from "../src/implementations.js";
import { mlsTs } from "../src/mls-ts.js";
import { Run } from "../src/run.js";
import { table } from "../src/table.js";
import { TINY } from "./effort.js";

const quiet = () => {};

test("OpenMLS in WebAssembly is measured in the same turns, as far as it goes", async () => {
  const run = new Run(new Crowd(node, quiet), quiet, TINY);
  const place = { suite: 3, members: 5, tree: "fresh", rounds: 2 } as const;
  await run.block({ ...place, implementations: [mlsTs, node], payloads: ["1 KiB"] });
  const results = run.results();
  const operations = (name: string) =>
    results.filter(({ provider }) => provider === name).map(({ operation }) => operation);
  const measured = ["join", "encrypt 1 KiB", "decrypt 1 KiB", "key package", "export secret"];
  expect(operations("mls-ts")).toEqual(measured);
  expect(operations("node")).toEqual(expect.arrayContaining(measured));
  for (const { median } of results) expect(median).toBeGreaterThan(0);
  const of = (name: string, operation: string) =>
    results.find((one) => one.provider === name && one.operation === operation);
  expect(Object.keys(of("mls-ts", "join")?.turns ?? {})).toEqual(
    Object.keys(of("node", "join")?.turns ?? {}),
  );
  const [head, , ...rows] = table(results).split("\n");
  expect(head).toMatch(/mls-ts +± runs +node +± runs +\/floor +\/mls-ts$/);
  expect(rows.find((row) => row.startsWith("join"))).toMatch(/[\d.]+$/);
});

test("OpenMLS in WebAssembly makes no groups and no commits", () => {
  expect(whyNotIn(mlsTs, 2, "fresh")).toContain("from 3 members on");
  expect(whyNotIn(mlsTs, 100, "lived-in")).toContain("fresh trees only");
  expect(whyNotIn(mlsTs, 3, "fresh")).toBeUndefined();
  expect(whyNotIn(node, 2, "lived-in")).toBeUndefined();
});

test("native OpenMLS is measured, and the providers that do the same beside it", async (context) => {
  const missing = await whyMissing();
  if (missing !== undefined) context.skip(missing);
  const results = await daveyResults(8, 1, "wall");
  for (const provider of ["davey", "node as davey", "webcrypto as davey"]) {
    const own = results.filter((one) => one.provider === provider);
    expect(own.map(({ operation }) => operation)).toEqual(["key package", "add all others", "join"]);
    for (const { median, turns } of own) {
      expect(median).toBeGreaterThan(0);
      expect(Object.keys(turns)).toEqual(["0"]);
    }
  }
});
