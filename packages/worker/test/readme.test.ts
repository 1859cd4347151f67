// The README's code is compiled, run in threads, and prints what its comments say.

import { type Programs, programs, promised, readDocument } from "@copse/test-support/documents";
import { afterAll, beforeAll, expect, it } from "vitest";

const { blocks } = await readDocument("packages/worker/README.md");
const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));
let code: Programs;

beforeAll(async () => {
  code = await programs(files);
});
afterAll(() => code.remove());

it("compiles", async () => {
  expect(await code.errors()).toEqual([]);
});

it("prints what it says", async () => {
  const lines = promised(files["page.ts"] as string);
  expect(lines).toHaveLength(3);
  await code.bundled("worker.ts");
  expect(await code.printed("page.ts")).toEqual(lines);
});
