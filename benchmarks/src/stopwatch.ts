// Takes the time of operations of one backend in one group, and counts each once.
import type { Backend } from "./backend.js";
import { now } from "./clock.js";
import type { Operation } from "./operations.js";
import type { Place, Samples } from "./samples.js";

/** How much is made of something that can be repeated. */
export interface Effort {
  /** Roughly how long the primitives are measured, each. */
  readonly primitive: number;
  /** How long an operation is repeated in a round before it is measured, if it is short: as primitives are. */
  readonly warmUp: number;
  /** How long an operation is repeated in a round. */
  readonly repetition: number;
  /** Below this number of runs, an operation is repeated longer, up to a second. */
  readonly few: number;
}

export const EFFORT: Effort = { primitive: 10, warmUp: 60, repetition: 60, few: 4 };
/** For what is to be held against a bar. */
export const THOROUGH: Effort = { primitive: 20, warmUp: 500, repetition: 400, few: 8 };
const FEW_WITHIN = 1000;

/** Shorter than this, a run is worth being made once more only to be counted. */
const CHEAP = 20;

/** What can be repeated as often as this is short. */
const MANY = 100;

export interface Repetition {
  /** How often at most. */
  readonly max?: number;
  readonly once?: boolean;
}

export class Stopwatch {
  private readonly backend: Backend;
  private readonly place: Place;
  private readonly samples: Samples;
  private readonly effort: Effort;
  /** Nothing is counted or kept while this is set: the engine compiles, caches fill. */
  warmingUp = false;

  constructor(backend: Backend, place: Place, samples: Samples, effort: Effort) {
    this.effort = effort;
    this.backend = backend;
    this.place = place;
    this.samples = samples;
  }

  get name(): string {
    return this.backend.name;
  }

  note(operation: Operation, value: number): void {
    if (!this.warmingUp) this.samples.add(this.place, operation, value);
  }

  /** Takes the time of `work`. Counts it as well if it is the `last` of its kind and wasn't counted yet. */
  async time<T>(operation: Operation, work: () => Promise<T>, last = true): Promise<T> {
    const counter = this.counterFor(operation, last);
    counter?.start();
    let milliseconds: number;
    let result: T;
    try {
      const start = now();
      result = await work();
      milliseconds = now() - start;
    } finally {
      const counts = counter?.stop();
      if (counts) this.samples.addCounts(this.place, operation, counts);
    }
    // Counting costs a little: nothing to a long run, but something to a short one, of which there are others.
    if (!counter || milliseconds >= CHEAP || !this.samples.has(this.place, operation)) {
      this.note(operation, milliseconds);
    }
    return result;
  }

  private counterFor(operation: Operation, last: boolean) {
    const { counter } = this.backend;
    if (this.warmingUp || !last || !counter || this.samples.hasCounts(this.place, operation))
      return undefined;
    return counter;
  }

  /** Repeats `work` for a while, and once more to be counted; or makes it `once`. */
  async repeat(
    work: (last: boolean) => Promise<void>,
    { max = MANY, once = false }: Repetition = {},
  ): Promise<void> {
    if (once) return work(true);
    const { warmUp, repetition, few } = this.effort;
    if (max >= MANY && !this.warmingUp) {
      this.warmingUp = true;
      const cold = now();
      while (now() - cold < warmUp) await work(false);
      this.warmingUp = false;
    }
    const start = now();
    let runs = 0;
    do {
      await work(false);
      runs++;
    } while (runs < max && now() - start < (runs < few ? FEW_WITHIN : repetition));
    await work(true);
  }
}
