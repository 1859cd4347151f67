// What the fuzzer found once: it must not come back.
import { expect, it } from "vitest";
import { savedFinds } from "../src/finds.js";
import { tryOut } from "../src/fuzzer.js";
import { makeTarget } from "../src/targets/index.js";

it.each(savedFinds())("$target: $problem ($file)", async ({ target: name, suite, recipe }) => {
  const outcome = await tryOut(await makeTarget(name, suite), recipe);
  expect(outcome).toBeDefined();
  expect(outcome?.problem).toBeUndefined();
});

it("has a file for each find", () => {
  const names = savedFinds().map(({ file }) => file);
  expect(new Set(names).size).toBe(names.length);
});
