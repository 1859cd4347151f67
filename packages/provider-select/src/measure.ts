// RFC 9420 §5.1: measures how fast candidates are on this platform.
import type { CipherSuiteProvider } from "@copse/core/provider";
import type { Clock } from "./clock.js";
import { exercise } from "./probe.js";

/**
 * Milliseconds of one round, by the candidate's name and the suite's code point. Plain data: keep it with
 * `JSON.stringify`, and drop it when the version of the platform or of a provider changes.
 */
export interface Measurements {
  readonly [candidate: string]: { readonly [suite: string]: number };
}

/** The valid measurements of a cache, which may be any value. */
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

/** Timed rounds, after a warm-up. Odd, so that the median is one of them. */
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
