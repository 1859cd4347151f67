// Medians and spread of what was measured, and where it is kept.
import type { Counts, Recording } from "./counting.js";
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
  /** The floor: what the cryptography of one run takes by itself, in milliseconds; where that is known. */
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
    {
      place: Place;
      operation: Operation;
      times: number[];
      floors: number[];
      counts?: Counts;
      recordings: Recording[];
    }
  >();

  private entry(place: Place, operation: Operation) {
    const key = [place.suite, place.members, place.tree, place.backend, operation].join("|");
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { place, operation, times: [], floors: [], recordings: [] };
      this.entries.set(key, entry);
    }
    return entry;
  }

  add(place: Place, operation: Operation, value: number): void {
    this.entry(place, operation).times.push(value);
  }

  /** How long one run took that was measured; `undefined` if there was none. */
  first(place: Place, operation: Operation): number | undefined {
    return this.entry(place, operation).times[0];
  }

  /** How long the cryptography of one run took by itself. */
  addFloor(place: Place, operation: Operation, milliseconds: number): void {
    this.entry(place, operation).floors.push(milliseconds);
  }

  /** What earlier runs asked for, the oldest first: to be asked again beside later ones. */
  recordings(place: Place, operation: Operation): Recording[] {
    return this.entry(place, operation).recordings;
  }

  addCounts(place: Place, operation: Operation, counts: Counts): void {
    this.entry(place, operation).counts = counts;
  }

  hasCounts(place: Place, operation: Operation): boolean {
    return this.entry(place, operation).counts !== undefined;
  }

  results(): Result[] {
    return [...this.entries.values()]
      .filter(({ times }) => times.length > 0)
      .map(({ place, operation, times, floors, counts }) => ({
        ...place,
        operation,
        ...summarise(times),
        ...(floors.length > 0 && { floor: median(floors) }),
        ...(counts && { counts }),
      }));
  }
}
