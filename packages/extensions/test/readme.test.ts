// The README's code is compiled, run, and prints what its comments say.

import { type Programs, programs, promised, readDocument } from "@copse/test-support/documents";
import { afterAll, beforeAll, expect, it } from "vitest";

const { blocks } = await readDocument("packages/extensions/README.md");
const all = blocks.map(({ code }) => code).join("\n");
let code: Programs;

beforeAll(async () => {
  code = await programs({ "all.ts": all });
});
afterAll(() => code.remove());

it("compiles", async () => {
  expect(await code.errors()).toEqual([]);
});

it("is one program that prints what it says", async () => {
  expect(promised(all)).toHaveLength(5);
  expect(await code.printed("all.ts")).toEqual(promised(all));
});
