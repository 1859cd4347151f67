// Measures operations of one implementation in one group, and their cryptography alone.

import { now } from "./clock.js";
import type { Recording } from "./counting.js";
import type { Implementation } from "./implementation.js";
import { collectGarbage } from "./memory.js";
import type { Operation } from "./operations.js";
import type { Measurements, Place, Samples } from "./samples.js";

/** How much is made of something that can be repeated. */
export interface Effort {
  /** Roughly how long the primitives are measured, each. */
  readonly primitive: number;
  /** How long an operation is repeated in a round before it is measured, if it is short: as primitives are. */
  readonly warmUp: number;
  /** The same in each turn but the first: by then the processor's caches are this process's again. */
  readonly warmUpAgain: number;
  /** How long an operation is repeated in a round. */
  readonly repetition: number;
  /** Below this number of runs, an operation is repeated longer, up to {@link FEW_WITHIN}. */
  readonly few: number;
  /** How often what is as large as the group is repeated in a round. */
  readonly large: number;
  /** Into how many turns the repetitions of a short operation are divided; the other implementations have theirs in between. */
  readonly turns: number;
  /**
   * One of so many short runs is recorded: the others are measured. What is recorded outlives them, and slows them down
   * until it is collected.
   */
  readonly recordedOf: number;
  /** In a group of how many members everything is done once before anything is measured. */
  readonly warmUpMembers: number;
}

export const EFFORT: Effort = {
  primitive: 5,
  warmUp: 20,
  warmUpAgain: 0,
  repetition: 50,
  few: 4,
  large: 1,
  turns: 1,
  recordedOf: 4,
  warmUpMembers: 3,
};
/** For what is to be held against a bar. */
export const THOROUGH: Effort = {
  primitive: 20,
  warmUp: 1500,
  warmUpAgain: 20,
  repetition: 1600,
  few: 8,
  large: 2,
  turns: 10,
  recordedOf: 12,
  warmUpMembers: 100,
};
/** In milliseconds. */
const FEW_WITHIN = 400;

/** From this on, in milliseconds, a run is long: recording what it asks for costs nothing beside it. */
const LONG = 20;

/** How many recorded runs lie between a run and its replay. */
const RUNS_BETWEEN = 10;

/** What is as large as the group is repeated so many times as often, if that takes no longer than that. */
const MORE = 3;
const MORE_WITHIN = 2000;

/** What can be repeated as often as this is short. */
const MANY = 100;

export interface Repetition {
  /** How often at most. */
  readonly max?: number;
  /** Whether it is as large as the group: then it is repeated as often as {@link Effort.large} says. */
  readonly large?: boolean;
  /** Which turn it is; in the first one there is a warm-up. One turn if this is left out. */
  readonly turn?: number;
}

export class Stopwatch {
  private readonly implementation: Implementation;
  private readonly place: Place;
  private readonly samples: Samples;
  readonly effort: Effort;
  private readonly operations = new Map<Operation, { readonly measured: Measurements; runs: number }>();
  /** Nothing is counted or kept while this is set: the engine compiles, caches fill. */
  warmingUp = false;

  constructor(implementation: Implementation, place: Place, samples: Samples, effort: Effort) {
    this.effort = effort;
    this.implementation = implementation;
    this.place = place;
    this.samples = samples;
  }

  get name(): string {
    return this.implementation.name;
  }

  private of(operation: Operation) {
    let one = this.operations.get(operation);
    if (one === undefined) {
      one = { measured: this.samples.of(this.place, operation), runs: 0 };
      this.operations.set(operation, one);
    }
    return one;
  }

  /** Whether it was measured before, in this place. */
  has(operation: Operation): boolean {
    return this.of(operation).measured.first !== undefined;
  }

  note(operation: Operation, value: number): void {
    if (!this.warmingUp) this.of(operation).measured.add(value);
  }

  /**
   * Takes the time of `work`, and beside it that of the cryptography that it asks for. What a long run asks for is
   * recorded each time, and asked again at once, of a provider that knows none of the public keys that were new to it.
   * Of short ones some are measured and some recorded, and what they asked for is asked again some runs later: by then
   * the keys of the nodes that were new to them are in no cache any more, and those of the members still are.
   */
  async time<T>(operation: Operation, work: () => Promise<T>, counted = true): Promise<T> {
    const { warmingUp } = this;
    const one = this.of(operation);
    const { measured } = one;
    const { first } = measured;
    const counter = warmingUp ? undefined : this.implementation.counter;
    const long = first !== undefined && first >= LONG;
    one.runs++;
    const recorded =
      counter &&
      (long || (counted && measured.counts === undefined) || one.runs % this.effort.recordedOf === 0);
    if (recorded) counter.start();
    let milliseconds: number;
    let recording: Recording | undefined;
    let result: T;
    try {
      const start = now();
      result = await work();
      milliseconds = now() - start;
    } finally {
      if (recorded) recording = counter.stop();
    }
    // Recording costs something to a short run, of which there are others.
    if (!warmingUp && (!recorded || long || first === undefined)) measured.add(milliseconds);
    if (recording) await this.floor(measured, recording, milliseconds >= LONG);
    return result;
  }

  private async floor(measured: Measurements, recording: Recording, long: boolean): Promise<void> {
    const replay = async (one: Recording) => measured.addFloor(await one.replay(long));
    const only = measured.counts === undefined;
    measured.counts = recording.counts;
    // What a long run asked for is as large as the group: it isn't kept.
    if (long) return replay(recording);
    const { recordings } = measured;
    recordings.push(recording);
    // There may be no other run.
    if (only) await replay(recording);
    if (recordings.length > RUNS_BETWEEN) await replay(recordings.shift() as Recording);
  }

  private async unmeasured(work: (counted: boolean) => Promise<void>): Promise<void> {
    const { warmingUp } = this;
    this.warmingUp = true;
    await work(false);
    this.warmingUp = warmingUp;
  }

  /** Makes `work` to be counted, and repeats it for a while. */
  async repeat(
    work: (counted: boolean) => Promise<void>,
    { max = MANY, large = false, turn }: Repetition = {},
  ): Promise<void> {
    if (large) {
      await this.repeatLarge(work, max);
      return;
    }
    const { turns, warmUpAgain } = this.effort;
    const share = turn === undefined ? 1 : turns;
    const [repetition, few] = [this.effort.repetition / share, this.effort.few / share];
    if (max >= MANY) {
      const warmUp = turn ? warmUpAgain : this.effort.warmUp;
      const cold = now();
      while (now() - cold < warmUp) await this.unmeasured(work);
    }
    await work(true);
    const start = now();
    for (let runs = 1; runs < max && now() - start < (runs < few ? FEW_WITHIN : repetition); runs++) {
      await work(false);
    }
  }

  /**
   * The same for what is as large as the group, as often as {@link Effort.large} says, and if it is quick some times
   * more. If that is more than once, the engine is warm, and what others left behind isn't cleared away at this one's
   * expense.
   * @returns how often it was measured
   */
  async repeatLarge(work: (counted: boolean) => Promise<void>, max = MANY): Promise<number> {
    const { large } = this.effort;
    const least = Math.min(max, large);
    if (least > 1) {
      await collectGarbage();
      await this.unmeasured(work);
    }
    const most = least > 1 ? Math.min(max, MORE * large) : least;
    const start = now();
    let runs = 0;
    while (runs < least || (runs < most && now() - start < MORE_WITHIN)) await work(runs++ === 0);
    return runs;
  }
}
