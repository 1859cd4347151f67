// The working group's files are those that test-vectors/checksums.json lists, and every provider is at work.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { vectorProviders } from "@copse/test-support/providers";
import { SUITES, vectorFolder, vectorsRequired } from "@copse/test-support/vectors";
import { describe, expect, it } from "vitest";
import { describeCounts } from "./counts.js";

const list = new URL("../../test-vectors/checksums.json", import.meta.url);
const { sha256 } = JSON.parse(readFileSync(list, "utf8")) as { sha256: Record<string, string> };

it("lists the sixteen files of RFC 9420", () => {
  expect(Object.keys(sha256)).toHaveLength(16);
});

// A folder that somebody points to may hold other versions, unless these are the ones that are asked for.
const mustFit = vectorsRequired || (vectorFolder !== undefined && !process.env.MLS_TEST_VECTORS);

describe.runIf(mustFit)("the working group's files are here and unaltered", () => {
  it.each(Object.entries(sha256))("%s", (name, expected) => {
    const path = `${vectorFolder}/${name}`;
    if (vectorFolder === undefined || !existsSync(path)) throw new Error(`${name} is not here`);
    expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(expected);
  });
});

it("the providers serve the suites that they should", async () => {
  const served = (await vectorProviders()).map(({ name, suites }) => [
    name,
    suites.map(({ id }) => id).sort(),
  ]);
  expect(Object.fromEntries(served)).toEqual({
    node: SUITES,
    webcrypto: [1, 2, 3, 5, 7],
    libsodium: [1, 3],
    "sodium-native": [1, 3],
    hpke: SUITES,
    noble: SUITES,
  });
});

it("the table tells apart what ran and what was skipped", () => {
  expect(describeCounts([{ file: "welcome", outcome: "missing" }])).toBe("");
  const table = describeCounts([
    { file: "welcome", suite: 4, provider: "node", outcome: "run" },
    { file: "welcome", suite: 4, provider: "libsodium", outcome: "skipped" },
    { file: "welcome", suite: 1, provider: "libsodium", outcome: "run" },
    { file: "messages", outcome: "run" },
    { file: "messages", own: true, outcome: "run" },
    { file: "welcome", own: true, suite: 4, provider: "webcrypto", outcome: "skipped" },
  ]);
  expect(table.split("\n").slice(1)).toEqual([
    "file      suite  libsodium     no provider  node",
    "messages  none                 1",
    "welcome   1      1",
    "welcome   4      0, 1 skipped               1",
    "all              1, 1 skipped  1            1",
    "vectors: 2 files, 3 run, 1 skipped",
    "own vectors: 2 files, 1 run, 1 skipped",
  ]);
});
