// RFC 9420 §12, §14, §15: whatever members do, in any order of arrival, an epoch's members agree and nobody else can read.
import type { CryptoProvider } from "@copse/core";
import { providers } from "@copse/test-support/providers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noTally, type Step, World } from "./world.js";

/**
 * Another seed finds other sequences:
 * COPSE_SEED=7 COPSE_RUNS=100 npx vitest run packages/core/test/client/property.test.ts
 */
const SEED = Number(process.env.COPSE_SEED ?? 9420);
const RUNS = Number(process.env.COPSE_RUNS ?? 10);

const kind = fc.oneof(
  { weight: 5, arbitrary: fc.constant("send" as const) },
  { weight: 3, arbitrary: fc.constant("propose" as const) },
  { weight: 5, arbitrary: fc.constant("commit" as const) },
  { weight: 5, arbitrary: fc.constant("submit" as const) },
  { weight: 14, arbitrary: fc.constant("deliver" as const) },
  { weight: 2, arbitrary: fc.constant("restore" as const) },
  { weight: 2, arbitrary: fc.constant("settle" as const) },
);
const number = fc.nat({ max: 1000 });
const step: fc.Arbitrary<Step> = fc.tuple(kind, number, number, number);

/** All providers for suite 3; node:crypto and WebCrypto for suite 2. */
async function serving(suite: number): Promise<readonly CryptoProvider[]> {
  return (await providers()).filter(({ suites }) => suites.some(({ id }) => id === suite));
}

describe.each([
  { suite: 3, providerCount: 3 },
  { suite: 2, providerCount: 2 },
])(
  "random sequences of operations, in suite $suite on $providerCount providers",
  ({ suite, providerCount }) => {
    it("leave all members in agreement, and exclude all others", async () => {
      const available = await serving(suite);
      expect(available).toHaveLength(providerCount);
      const tally = noTally();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 120, maxLength: 240 }), async (steps) => {
          const world = await World.create(suite, available, tally);
          for (const one of steps) await world.step(one);
          await world.finish();
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: true },
      );
      // Everything that the sequences are to show did happen.
      for (const [name, count] of Object.entries(tally)) expect(count, name).toBeGreaterThan(RUNS);
    }, 600_000);
  },
);
