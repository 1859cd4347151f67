// What the fuzzer found once must not come back; and an input must mean the same wherever it is played.
import { expect, it } from "vitest";
import { tryOut } from "../src/bounds.js";
import { savedFinds } from "../src/finds.js";
import type { Recipe } from "../src/steps.js";
import { makeTarget } from "../src/targets/index.js";

it.each(savedFinds())("$target: $problem ($file)", async ({ target: name, suite, recipe }) => {
  const outcome = await tryOut(await makeTarget(name, suite), recipe);
  expect(outcome).toBeDefined();
  expect(outcome?.problem).toBeUndefined();
});

it.each<readonly [string, Recipe["steps"], RegExp]>([
  [
    "propose remove",
    [{ at: ["content", "proposal", "removed"], edit: "put", value: 99 }],
    /^validation 12\.1\.3/,
  ],
  ["propose remove", [{ at: ["sign"], edit: "put", value: 0 }], /^validation 6\.1/],
  ["propose remove", [{ at: ["mac"], edit: "put", value: 0 }], /^validation 6\.2/],
  ["commit update", [{ at: ["confirmationTag"], edit: "size", length: 5 }], /^validation 6\.1/],
  ["forge references", [], /^accepted/],
])("an input means the same in two groups: %s %j", async (plan, steps, expected) => {
  for (let i = 0; i < 2; i++) {
    const outcome = await tryOut(await makeTarget("receive", 3), { plan, steps, bytes: [] });
    expect(outcome).toMatchObject({ feature: expect.stringMatching(expected), problem: undefined });
  }
});
