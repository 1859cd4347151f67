// docs/dave.md: its code is compiled, run, and prints what its comments say.
import { type Programs, programs, promised, readDocument } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const { blocks } = await readDocument("docs/dave.md");
const all = blocks.map(({ code }) => code).join("\n");

let code: Programs;

beforeAll(async () => {
  code = await programs({ "all.ts": all });
});

afterAll(() => code.remove());

describe("the page's code", () => {
  test("compiles", async () => {
    expect(await code.errors()).toEqual([]);
  });

  test("is one program that prints what it says", async () => {
    expect(promised(all).length).toBeGreaterThanOrEqual(5);
    expect(await code.printed("all.ts")).toEqual(promised(all));
  });
});
