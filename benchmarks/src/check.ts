// `npm run bench -- --check`: measures what the bars ask for, and says which are met.

import {
  type Bar,
  bars,
  CHECKED_SUITES,
  COMPARED_SIZE,
  GROWTH_PROVIDER,
  isMet,
  LARGER_SIZE,
  LARGEST_SIZE,
  OPENMLS_SIZE,
  SODIUM_PROVIDERS,
  SODIUM_SUITES,
} from "./bars.js";
import { type Report, report } from "./files.js";
import { aligned, ratio } from "./format.js";
import type { Implementation } from "./implementation.js";
import type { Options } from "./options.js";
import { peer } from "./peer.js";
import { available } from "./plan.js";
import { Processes } from "./processes.js";
import { progress } from "./progress.js";
import { DAVEY, SUITE_OF_DAVE, SUITE_OF_OPENMLS } from "./references.js";
import type { Result } from "./samples.js";
import { THOROUGH } from "./stopwatch.js";

const ROUNDS = 5;
const PAYLOADS = ["1 KiB"] as const;
/** Measured for their HPKE alone: all of their keys are handled in JavaScript, so they are nowhere the fastest. */
const FOR_HPKE_ALONE: readonly string[] = ["noble", "hpke"];
/** Everything is measured once in a round beside native OpenMLS. */
const DAVEY_ROUNDS = 15;

/**
 * Measures everything that the bars are about.
 * @param save keeps what there is; called after each part of it
 */
export async function check(
  run: Processes,
  implementations: readonly Implementation[],
  options: Options,
  save: (report: Report) => Promise<void>,
): Promise<Bar[]> {
  await measure(run, implementations, options, async () =>
    save(report(await run.results(), await run.allPrimitives())),
  );
  const results = [...(await run.results()), ...(await besideDavey(options))];
  const primitives = await run.allPrimitives();
  const processorTime = await inProcessorTime(implementations, options);
  await save({ ...report(results, primitives), processorTime });
  return bars(results, primitives, processorTime);
}

/** Beside native OpenMLS; nothing where it isn't. */
async function besideDavey({ suites = CHECKED_SUITES, clock }: Options): Promise<Result[]> {
  if (!suites.includes(SUITE_OF_DAVE)) return [];
  const { daveyResults } = await peer(DAVEY, () => import("./davey.js"));
  return daveyResults(OPENMLS_SIZE, DAVEY_ROUNDS, clock);
}

/** What sodium-native and node cost by the other clock, in processes of their own. */
async function inProcessorTime(
  implementations: readonly Implementation[],
  { suites = CHECKED_SUITES, runs = ROUNDS }: Options,
): Promise<Result[]> {
  const { served } = await available(implementations.filter(({ name }) => SODIUM_PROVIDERS.includes(name)));
  const both = served.map(({ implementation }) => implementation);
  const run = new Processes(progress, THOROUGH, "cpu");
  try {
    for (const suite of SODIUM_SUITES.filter((one) => suites.includes(one))) {
      const block = { suite, members: COMPARED_SIZE, implementations: both, payloads: PAYLOADS };
      for (let round = 0; round < runs; round++) await run.block({ ...block, tree: "fresh", rounds: 1 });
    }
    return await run.results();
  } finally {
    run.close();
  }
}

/**
 * All implementations of a suite are measured side by side.
 * @param done called after each part of it
 */
async function measure(
  run: Processes,
  implementations: readonly Implementation[],
  options: Options,
  done: () => Promise<void>,
): Promise<void> {
  const rounds = options.runs ?? ROUNDS;
  const growing = implementations.filter(({ name }) => name === GROWTH_PROVIDER);
  // Those that can't be loaded miss their bars.
  const { served } = await available(implementations);
  for (const suite of options.suites ?? CHECKED_SUITES) {
    const serving = served.filter(({ suites }) => suites.includes(suite)).map((one) => one.implementation);
    // OpenMLS has a size of its own.
    const measured = serving.filter(({ name, hosted }) => !FOR_HPKE_ALONE.includes(name) && !hosted);
    const ours = measured.filter(({ provider }) => provider !== undefined);
    const block = { suite, members: COMPARED_SIZE, implementations: measured, payloads: PAYLOADS };
    await run.primitives(suite, serving);
    for (let round = 0; round < rounds; round++) {
      await run.block({ ...block, tree: "fresh", rounds: 1 });
      await run.primitives(suite, serving);
      await done();
    }
    if (suite === SUITE_OF_OPENMLS) {
      const beside = [...serving.filter(({ hosted }) => hosted), ...ours];
      const small = { ...block, members: OPENMLS_SIZE, implementations: beside };
      await run.block({ ...small, tree: "fresh", rounds });
      await done();
    }
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
    bar.note ?? "",
  ]);
  const missed = bars.filter((bar) => !isMet(bar)).length;
  const table = aligned([["bar", "needed", "measured", "", ""], ...rows]);
  return `${table}\n\n${bars.length - missed} of ${bars.length} bars met, ${missed} missed`;
}
