// Medians and spread of what was measured, and where it is kept.
import type { Counts } from "./counting.js";
import type { Operation } from "./operations.js";

/** Whether the parents above the leaves are blank, or set by commits of all members. */
export type Tree = "fresh" | "lived-in";

export interface Place {
  readonly backend: string;
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
}

/** In milliseconds; for memory in bytes. */
export interface Summary {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

export interface Result extends Place, Summary {
  readonly operation: Operation;
  /** What the cryptography of one run takes at the least, where that is known. */
  readonly floor?: number | undefined;
  readonly counts?: Counts | undefined;
}

/** The value below which a share of the samples lies, between neighbours if need be. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export function summarise(samples: readonly number[]): Summary {
  return {
    median: median(samples),
    low: quantile(samples, 0.25),
    high: quantile(samples, 0.75),
    runs: samples.length,
  };
}

/** All samples of a run, and what one run of each operation asked of its backend. */
export class Samples {
  private readonly entries = new Map<
    string,
    { place: Place; operation: Operation; times: number[]; counts?: Counts }
  >();

  private entry(place: Place, operation: Operation) {
    const key = [place.suite, place.members, place.tree, place.backend, operation].join("|");
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { place, operation, times: [] };
      this.entries.set(key, entry);
    }
    return entry;
  }

  add(place: Place, operation: Operation, value: number): void {
    this.entry(place, operation).times.push(value);
  }

  has(place: Place, operation: Operation): boolean {
    return this.entry(place, operation).times.length > 0;
  }

  addCounts(place: Place, operation: Operation, counts: Counts): void {
    this.entry(place, operation).counts = counts;
  }

  hasCounts(place: Place, operation: Operation): boolean {
    return this.entry(place, operation).counts !== undefined;
  }

  /** @param floorOf what counts cost on the backend of a place */
  results(floorOf: (place: Place, counts: Counts) => number | undefined = () => undefined): Result[] {
    return [...this.entries.values()]
      .filter(({ times }) => times.length > 0)
      .map(({ place, operation, times, counts }) => ({
        ...place,
        operation,
        ...summarise(times),
        ...(counts && { floor: floorOf(place, counts), counts }),
      }));
  }
}
