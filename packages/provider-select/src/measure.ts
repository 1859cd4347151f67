// RFC 9420 §5.1: how fast candidates are here, as numbers that can be kept as JSON.
import type { CipherSuiteProvider } from "@copse/core/provider";
import type { Clock } from "./clock.js";
import { exercise } from "./probe.js";

/**
 * Milliseconds that each candidate took for one round of a suite, by its name and the suite's code point. Plain
 * data: keep it with `JSON.stringify`, and drop it when the platform or a backend gets another version.
 */
export interface Measurements {
  readonly [candidate: string]: { readonly [suite: string]: number };
}

/** Only what is a measurement: what comes from a cache may be anything, and the rest is measured again. */
export function readMeasurements(cached: unknown): Record<string, Record<string, number>> {
  const read: Record<string, Record<string, number>> = Object.create(null);
  for (const [name, suites] of entriesOf(cached)) {
    const known: Record<string, number> = {};
    for (const [id, milliseconds] of entriesOf(suites)) {
      if (typeof milliseconds === "number" && milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY) {
        known[id] = milliseconds;
      }
    }
    read[name] = known;
  }
  return read;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** Rounds that are timed, after one that isn't. Of an even number the median would be none of them. */
const ROUNDS = 5;

/** The median of a few rounds, in milliseconds. */
export async function measureSuite(suite: CipherSuiteProvider, clock: Clock): Promise<number> {
  await exercise(suite);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = clock();
    await exercise(suite);
    times.push(clock() - start);
  }
  times.sort((a, b) => a - b);
  return times[(ROUNDS - 1) / 2] as number;
}
