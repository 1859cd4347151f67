// Medians and spread of what was measured, and where it is kept.
import type { Counts, Recording } from "./counting.js";
import type { Operation } from "./operations.js";

/** Whether the parents above the leaves are blank, or set by commits of all members. */
export type Tree = "fresh" | "lived-in";

export interface Place {
  readonly provider: string;
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
  /** The median of each turn, by the turn's number. */
  readonly turns: Readonly<Record<number, number>>;
  /** The floor: what the cryptography of one run takes by itself, in milliseconds; where that is known. */
  readonly floor?: number | undefined;
  /** How many times as long as its floor it took, turn by turn as in {@link timesAsLong}. */
  readonly overFloor?: number | undefined;
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

/**
 * How many times as long one took as the other: the median of what that is in each turn in which both were measured,
 * so that a machine which changes its pace from turn to turn changes both sides of each ratio. The ratio of the medians
 * if they have no turn in common.
 */
export function timesAsLong(
  one: Pick<Result, "median" | "turns">,
  other: Pick<Result, "median" | "turns">,
): number {
  const ratios: number[] = [];
  for (const [turn, time] of Object.entries(one.turns)) {
    const beside = other.turns[Number(turn)];
    if (beside !== undefined) ratios.push(time / beside);
  }
  return ratios.length > 0 ? median(ratios) : one.median / other.median;
}

/** Values, in the turns in which they were measured. */
class Series {
  private readonly turns = new Map<number, number[]>();

  add(turn: number, value: number): void {
    const own = this.turns.get(turn);
    if (own) own.push(value);
    else this.turns.set(turn, [value]);
  }

  all(): number[] {
    return [...this.turns.values()].flat();
  }

  medians(): Record<number, number> {
    return Object.fromEntries([...this.turns].map(([turn, values]) => [turn, median(values)]));
  }
}

/**
 * What was measured of one operation in one place. What is asked of it between two measurements takes no longer the
 * more it has: it would drive what is measured out of the processor's caches.
 */
export class Measurements {
  private readonly times = new Series();
  private readonly floors = new Series();
  private readonly currentTurn: () => number;
  /** How long the first run took that was measured. */
  first: number | undefined;
  /** The calls of one run to its provider. */
  counts: Counts | undefined;
  /** What earlier runs asked for, the oldest first: to be asked again beside later ones. */
  readonly recordings: Recording[] = [];

  constructor(currentTurn: () => number) {
    this.currentTurn = currentTurn;
  }

  add(value: number): void {
    this.first ??= value;
    this.times.add(this.currentTurn(), value);
  }

  /** How long the cryptography of one run took by itself. */
  addFloor(milliseconds: number): void {
    this.floors.add(this.currentTurn(), milliseconds);
  }

  /** `undefined` if nothing was measured. */
  result(place: Place, operation: Operation): Result | undefined {
    const { times, floors, counts } = this;
    if (this.first === undefined) return undefined;
    const result = { ...place, operation, ...summarise(times.all()), turns: times.medians() };
    const floor = median(floors.all());
    const overFloor = timesAsLong(result, { median: floor, turns: floors.medians() });
    return { ...result, ...(floor > 0 && { floor, overFloor }), ...(counts && { counts }) };
  }
}

interface Entry {
  readonly place: Place;
  readonly operation: Operation;
  readonly measured: Measurements;
}

/** All samples of a run. */
export class Samples {
  private readonly entries = new Map<string, Entry>();
  /** Which turn it is: what is measured from here on belongs to that moment. */
  turn = 0;

  of(place: Place, operation: Operation): Measurements {
    const key = [place.suite, place.members, place.tree, place.provider, operation].join("|");
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { place, operation, measured: new Measurements(() => this.turn) };
      this.entries.set(key, entry);
    }
    return entry.measured;
  }

  results(): Result[] {
    return [...this.entries.values()].flatMap(
      ({ place, operation, measured }) => measured.result(place, operation) ?? [],
    );
  }
}
