// docs/guide.md: its code is compiled, run, and prints what its comments say.
import { access, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { MlsError, type MlsErrorCode } from "@copse/core";
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

test("the guide's table has all error codes, and says of each whether to try again", async () => {
  const source = await readFile(`${root}packages/core/src/errors.ts`, "utf8");
  const codes = Array.from(source.matchAll(/^ {2}\| "([a-z-]+)"/gm), ([, code]) => code as MlsErrorCode);
  const rows = Array.from(text.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (now|later|never) \|/gm));
  const said = rows.flatMap(([, names, retry]) =>
    Array.from(names?.matchAll(/`([^`]+)`/g) ?? [], ([, name]) => [name, retry]),
  );
  const expected = codes.map((code) => [code, new MlsError(code, "").retry]);
  expect(said.sort()).toEqual(expected.sort());
});

test("the guide links to files that are there", async () => {
  for (const [, target] of text.matchAll(/\]\((?!https:)([^)#]+)[^)]*\)/g)) {
    await expect(access(`${root}${dirname(PATH)}/${target}`), target).resolves.toBeUndefined();
  }
});
