// `npm run bench -- --check`: measures what the bars ask for, and says which are met.

import {
  type Bar,
  CHECKED_SUITES,
  COMPARED_SIZE,
  GROWTH_PROVIDER,
  isMet,
  LARGER_SIZE,
  LARGEST_SIZE,
} from "./bars.js";
import { aligned, ratio } from "./format.js";
import type { Implementation } from "./implementation.js";
import type { Options } from "./options.js";
import type { Processes } from "./processes.js";

const ROUNDS = 5;
const PAYLOADS = ["1 KiB"] as const;

/**
 * Measures everything that the bars are about. All implementations of a suite are measured side by side.
 * @param done called after each part of it
 */
export async function measureForCheck(
  run: Processes,
  implementations: readonly Implementation[],
  options: Options,
  done: () => Promise<void>,
): Promise<void> {
  const rounds = options.runs ?? ROUNDS;
  const growing = implementations.filter(({ name }) => name === GROWTH_PROVIDER);
  for (const suite of options.suites ?? CHECKED_SUITES) {
    const serving: Implementation[] = [];
    for (const implementation of implementations)
      if ((await implementation.suites()).includes(suite)) serving.push(implementation);
    // JavaScript is measured for its HPKE alone: it is nowhere the fastest.
    const measured = serving.filter(({ name }) => name !== "noble");
    const block = { suite, members: COMPARED_SIZE, implementations: measured, payloads: PAYLOADS };
    await run.primitives(suite, serving);
    for (let round = 0; round < rounds; round++) {
      await run.block({ ...block, tree: "fresh", rounds: 1 });
      await run.primitives(suite, serving);
      await done();
    }
    const ours = measured.filter(({ provider }) => provider !== undefined);
    await run.block({ ...block, tree: "lived-in", rounds, implementations: ours });
    await run.primitives(suite, serving);
    await done();
  }
  const growth = { suite: 1, tree: "lived-in", implementations: growing, payloads: PAYLOADS } as const;
  for (let round = 0; round < rounds; round++) {
    await run.sideBySide([COMPARED_SIZE, LARGER_SIZE].map((members) => ({ ...growth, members, rounds: 1 })));
    await done();
  }
  if (!options.skipLarge) {
    for (const tree of ["fresh", "lived-in"] as const) {
      await run.block({ ...growth, tree, members: LARGEST_SIZE, rounds: 1 });
    }
  }
}

/** A line for each bar, and one that counts them. */
export function verdict(bars: readonly Bar[]): string {
  const rows = bars.map((bar) => [
    `${bar.group}: ${bar.what}`,
    "below" in bar.need ? `< ${bar.need.below}` : `≥ ${bar.need.atLeast}`,
    bar.measured === undefined ? "not measured" : ratio(bar.measured),
    isMet(bar) ? "met" : "MISSED",
  ]);
  const missed = bars.filter((bar) => !isMet(bar)).length;
  const table = aligned([["bar", "needed", "measured", ""], ...rows]);
  return `${table}\n\n${bars.length - missed} of ${bars.length} bars met, ${missed} missed`;
}
