// The recipes: the code of each is compiled, run, and prints what its comments say.
import { type Programs, programs, promised, readDocument } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const RECIPES = ["docs/dave.md", "docs/going-back.md", "docs/group-data.md"];

const pages = await Promise.all(
  RECIPES.map(async (path) => {
    const { text, blocks } = await readDocument(path);
    const name = path.replaceAll(/[^a-z]+/g, "-");
    return { path, name: `${name}.ts`, text, blocks, code: blocks.map(({ code }) => code).join("\n") };
  }),
);

let all: Programs;

beforeAll(async () => {
  all = await programs(Object.fromEntries(pages.map(({ name, code }) => [name, code])));
});

afterAll(() => all.remove());

test("the recipes' code compiles", async () => {
  expect(await all.errors()).toEqual([]);
});

describe.each(pages)("$path", ({ name, text, blocks, code }) => {
  test("is one program that prints what it says", async () => {
    expect(promised(code).length).toBeGreaterThanOrEqual(3);
    expect(await all.printed(name)).toEqual(promised(code));
  });

  test("has no code that isn't compiled", () => {
    expect(blocks.length).toBe(text.match(/^```ts/gm)?.length);
  });
});
