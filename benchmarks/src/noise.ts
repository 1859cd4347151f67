// What can be told by figures that vary: a time is a median, and the quartiles of its runs say how far to trust it.
import { isSize } from "./operations.js";
import { median, type Result, type Summary } from "./samples.js";

/** Half of the distance between the quartiles, as a share of the median. */
export const spreadOf = ({ median: middle, low, high }: Summary): number => (high - low) / 2 / middle;

/** Above this spread a figure tells nothing. */
export const TOO_NOISY = 0.25;
/** Below this number of runs nobody knows how much it varies. */
export const ENOUGH_RUNS = 3;

export const isNoisy = (one: Summary): boolean => one.runs >= ENOUGH_RUNS && spreadOf(one) > TOO_NOISY;

/** How one time compares with another. */
export type Comparison =
  | "faster"
  | "slower"
  | "too close to tell"
  | "too noisy to tell"
  | "too few runs to tell";

/** Quartiles that overlap may be chance. */
export function compare(one: Summary, other: Summary): Comparison {
  if (Math.min(one.runs, other.runs) < ENOUGH_RUNS) return "too few runs to tell";
  if (one.low <= other.high && other.low <= one.high) {
    return isNoisy(one) || isNoisy(other) ? "too noisy to tell" : "too close to tell";
  }
  return one.median < other.median ? "faster" : "slower";
}

export interface Noise {
  /** The median of the spreads; `undefined` if everything ran too seldom. */
  readonly spread: number | undefined;
  readonly tooNoisy: boolean;
  /** How many times it is of. */
  readonly figures: number;
}

/** How much the times of one device vary. */
export function noiseOf(results: readonly Result[]): Noise {
  const spreads = results
    .filter(({ operation, runs }) => !isSize(operation) && runs >= ENOUGH_RUNS)
    .map(spreadOf);
  const spread = spreads.length === 0 ? undefined : median(spreads);
  return { spread, tooNoisy: spread !== undefined && spread > TOO_NOISY, figures: spreads.length };
}
