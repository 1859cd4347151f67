// The README's code is compiled, run, and prints what its comments say.
import { access, readFile } from "node:fs/promises";
import { type Programs, programs, promised, readDocument, root } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const { text: readme, blocks } = await readDocument("README.md");
const first = blocks[0]?.code ?? "";
const all = blocks.map(({ code }) => code).join("\n");

let code: Programs;

beforeAll(async () => {
  code = await programs({ "first.ts": first, "all.ts": all });
});

afterAll(() => code.remove());

describe("the README's code", () => {
  test("is there", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(6);
    for (const block of blocks) expect(promised(block.code)).not.toEqual([]);
  });

  test("compiles", async () => {
    expect(await code.errors()).toEqual([]);
  });

  test("begins with a program that decrypts a message", async () => {
    expect(promised(first)).toEqual(["Hello, Bob!"]);
    expect(await code.printed("first.ts")).toEqual(["Hello, Bob!"]);
  });

  test("is one program that prints what it says", async () => {
    expect(await code.printed("all.ts")).toEqual(promised(all));
  });
});

describe("the README's words", () => {
  test("name every error code", async () => {
    const errors = await readFile(`${root}packages/core/src/errors.ts`, "utf8");
    const codes = Array.from(errors.matchAll(/^ {2}\| "([a-z-]+)"/gm), ([, code]) => code as string);
    expect(codes.length).toBeGreaterThan(10);
    const named = Array.from(readme.matchAll(/^\| (`.+?`) \|/gm), ([, cell]) => cell).join(" ");
    for (const code of codes) expect(named).toContain(`\`${code}\``);
  });

  test("link to files that are there, and name scripts that are there", async () => {
    for (const [, target] of readme.matchAll(/\]\((?!https:)([^)#]+)[^)]*\)/g)) {
      await expect(access(`${root}${target}`), target).resolves.toBeUndefined();
    }
    const { scripts } = JSON.parse(await readFile(`${root}package.json`, "utf8")) as { scripts: object };
    for (const [, script] of readme.matchAll(/npm run ([a-z:]+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
  });
});
