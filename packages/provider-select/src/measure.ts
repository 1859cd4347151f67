// RFC 9420 §5.1: measures how fast candidates are on this platform, in turns.
import type { CipherSuiteProvider } from "@copse/core/provider";
import type { Clock } from "./clock.js";
import { exercise, type SuitePart } from "./probe.js";

/** Milliseconds that one round takes: two thirds of all rounds took from `low` to `high`. */
export interface Measurement {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * By the candidate's name, and the suite's code point with the part, if only a part was measured: `1`, `1 aead`. Plain
 * data: keep it with `JSON.stringify`, and drop it when the version of the platform or of a provider changes.
 */
export interface Measurements {
  readonly [candidate: string]: { readonly [suite: string]: Measurement };
}

/** The valid measurements of a cache, which may be any value. */
export function readMeasurements(cached: unknown): Record<string, Record<string, Measurement>> {
  const read: Record<string, Record<string, Measurement>> = Object.create(null);
  for (const [name, suites] of entriesOf(cached)) {
    const known: Record<string, Measurement> = {};
    for (const [id, value] of entriesOf(suites)) {
      const { median, low, high } = Object.fromEntries(entriesOf(value));
      if (isTime(median) && isTime(low) && isTime(high)) known[id] = { median, low, high };
    }
    read[name] = known;
  }
  return read;
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value < Number.POSITIVE_INFINITY;

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/**
 * Timed rounds, after a warm-up. Of these `low` and `high` leave out two at each end. So one of two equal candidates is
 * called slower only if it is in 11 of 13 rounds: however noisy the device is, that happens once in 90 times.
 */
const ROUNDS = 13;
const LEFT_OUT = 2;

/**
 * Rounds in which each candidate takes its turn, so that what else the device does concerns all of them; each round
 * begins with another one.
 * @param run runs one call of a candidate; `false` if it failed, which takes the candidate out
 * @returns of each candidate that did all rounds, in their order
 */
export async function measureInTurns<T>(
  candidates: ReadonlyMap<T, CipherSuiteProvider>,
  { part, clock }: { readonly part: SuitePart | undefined; readonly clock: Clock },
  run: (candidate: T, call: () => Promise<void>) => Promise<boolean>,
): Promise<Map<T, Measurement>> {
  const times = new Map([...candidates.keys()].map((one) => [one, [] as number[]]));
  for (let round = -1; round < ROUNDS; round++) {
    const left = [...times];
    const first = Math.max(round, 0) % Math.max(left.length, 1);
    for (const [candidate, taken] of [...left.slice(first), ...left.slice(0, first)]) {
      const start = clock();
      const did = await run(candidate, () => exercise(candidates.get(candidate)!, part));
      if (!did) times.delete(candidate);
      else if (round >= 0) taken.push(clock() - start);
    }
  }
  const all = sameRounds([...times.values()]);
  return new Map([...times.keys()].map((candidate, i) => [candidate, summary(all[i] as number[])]));
}

/**
 * The times, with each round scaled to the median one, so that what made the whole device slower for a while doesn't
 * count. A round is the geometric mean of all candidates' times in it. Where the clock stands still, nothing is scaled.
 */
function sameRounds(times: readonly (readonly number[])[]): number[][] {
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const logs = times.map((taken) => Math.log(taken[round] as number));
    return Math.exp(logs.reduce((total, one) => total + one, 0) / logs.length);
  });
  const typical = [...rounds].sort((a, b) => a - b)[(ROUNDS - 1) / 2] as number;
  const isStill = !rounds.every((round) => round > 0);
  return times.map((taken) =>
    taken.map((time, round) => (isStill ? time : (time * typical) / (rounds[round] as number))),
  );
}

function summary(times: readonly number[]): Measurement {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (round: number) => sorted[round] as number;
  return { median: at((ROUNDS - 1) / 2), low: at(LEFT_OUT), high: at(ROUNDS - 1 - LEFT_OUT) };
}

/** All together; `undefined` unless all are known. */
export function sum(all: readonly (Measurement | undefined)[]): Measurement | undefined {
  let total = { median: 0, low: 0, high: 0 };
  for (const one of all) {
    if (one === undefined) return undefined;
    total = { median: total.median + one.median, low: total.low + one.low, high: total.high + one.high };
  }
  return total;
}

/** How much slower is slower: less could be the other way round the next time. */
const MARGIN = 1.1;

/** Whether what was measured shows that the one is slower: even its fast rounds are, than the other's slow ones. */
export const isSlower = (one: Measurement, other: Measurement): boolean => one.low > MARGIN * other.high;
