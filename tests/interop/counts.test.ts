// What the tests print about peers at the end of a run.
import { expect, it } from "vitest";
import { describePlayed } from "./counts.js";

it("shows what was played with each peer, summed over the test files", () => {
  const report = describePlayed([
    { peer: "ts-mls", counts: { groups: 2, epochs: 30, messages: 400 } },
    { peer: "davey", counts: { groups: 1, epochs: 5, frames: 60 } },
    { peer: "ts-mls", counts: { groups: 1, joins: 7 } },
  ]);
  expect(report.split("\n")).toEqual([
    "played live with  groups  epochs  joins  messages  frames",
    "davey                  1       5      0         0      60",
    "ts-mls                 3      30      7       400       0",
  ]);
});

it("says which peer is missing, and why", () => {
  const missing = "davey has no binary for sunos-x64";
  const line = { peer: "davey", missing };
  expect(describePlayed([line, line])).toBe(`davey was NOT PLAYED WITH: ${missing}`);
});

it("shows nothing if nothing was played", () => {
  expect(describePlayed([])).toBe("");
});
