// RFC 9420 §9.2, §14: whoever has the same messages ends in the same epoch, and no key is used twice on any way there.
import fc from "fast-check";
import { expect, it } from "vitest";
import { noTally, type Step, World } from "./world.js";

/**
 * Longer, with another seed:
 * COPSE_SEED=7 COPSE_REWIND_RUNS=300 npx vitest run packages/core/test/rewind/property.test.ts
 */
const SEED = Number(process.env.COPSE_SEED ?? 9420);
const RUNS = Number(process.env.COPSE_REWIND_RUNS ?? 4);

const kind = fc.oneof(
  { weight: 6, arbitrary: fc.constant("send" as const) },
  { weight: 2, arbitrary: fc.constant("propose" as const) },
  { weight: 5, arbitrary: fc.constant("commit" as const) },
  { weight: 20, arbitrary: fc.constant("deliver" as const) },
  { weight: 2, arbitrary: fc.constant("lose" as const) },
  { weight: 1, arbitrary: fc.constant("restore" as const) },
  { weight: 2, arbitrary: fc.constant("again" as const) },
);
const number = fc.nat({ max: 1000 });
const step: fc.Arbitrary<Step> = fc.tuple(kind, number, number);

it("members with the same messages agree, whatever commits they saw first, and no key is used twice", async () => {
  const tally = noTally();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 8 }),
      fc.array(step, { minLength: 20, maxLength: 60 }),
      number,
      async (size, steps, seed) => {
        const world = await World.create(size, tally);
        for (const one of steps) await world.step(one);
        await world.finish(seed);
      },
    ),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  if (process.env.COPSE_REWIND_RUNS !== undefined) console.log(tally);
  // Everything that the sequences are to show did happen.
  const { comebacks, ...most } = tally;
  for (const [name, count] of Object.entries(most)) expect(count, name).toBeGreaterThan(0);
  if (RUNS >= 100) expect(comebacks).toBeGreaterThan(0);
}, 600_000);
