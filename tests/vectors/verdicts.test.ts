// The known answers and edge cases in the conformance kit are what the generator makes.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { verdictModules } from "../../test-vectors/generator/verdicts/index.js";

const modules = Object.entries(await verdictModules());
const known = new URL("../../packages/provider-conformance/src/known/", import.meta.url);

describe("the checked-in modules are what the generator makes (or run vectors:verdicts)", () => {
  it.each(modules)("%s", (name, text) => {
    expect(readFileSync(new URL(name, known), "utf8") === text, name).toBe(true);
  });
});
