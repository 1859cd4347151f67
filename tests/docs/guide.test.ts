// docs/guide.md: its code is compiled, run, and prints what its comments say.
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { type Programs, programs, promised, readDocument, root } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PATH = "docs/guide.md";
const { text, blocks } = await readDocument(PATH);
const all = blocks.map(({ code }) => code).join("\n");

let code: Programs;

beforeAll(async () => {
  code = await programs({ "all.ts": all });
});

afterAll(() => code.remove());

describe("the guide's code", () => {
  test("is there, a block for each section", () => {
    expect(blocks.length).toBe(text.match(/^## /gm)?.length);
    for (const block of blocks) expect(promised(block.code)).not.toEqual([]);
  });

  test("compiles", async () => {
    expect(await code.errors()).toEqual([]);
  });

  test("is one program that prints what it says", async () => {
    expect(await code.printed("all.ts")).toEqual(promised(all));
  });
});

test("the guide links to files that are there", async () => {
  for (const [, target] of text.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
    await expect(access(`${root}${dirname(PATH)}/${target}`), target).resolves.toBeUndefined();
  }
});
