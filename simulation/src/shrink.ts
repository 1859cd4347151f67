// The shortest course that breaks the same invariant: steps are left out, as many at a time as can be.
import type { Broken } from "./broken.js";
import { type Course, replay } from "./run.js";
import type { Step } from "./step.js";
import type { WorldOptions } from "./world.js";

/** Steps that may have to do with some rooms: their own, and those of devices alone. */
function about(rooms: ReadonlySet<number>, steps: readonly Step[]): Step[] {
  const used = new Set<number>();
  const inRoom = (step: Step) => rooms.has((isFirst(step) ? step.n : step.room) ?? -1);
  for (const step of steps) if (inRoom(step)) for (const n of step.add ?? []) used.add(n);
  return steps.filter((step) => (step.kind === "offer" ? used.has(step.n) : inRoom(step) || isAlone(step)));
}

const isFirst = ({ kind }: Step): boolean => kind === "create" || kind === "found";

const isAlone = ({ kind }: Step): boolean =>
  ["withdraw", "crash", "open", "shut", "look", "wait"].includes(kind);

export class Shrinker {
  readonly #options: WorldOptions;
  readonly #invariant: string;
  readonly #isEnough: (replays: number) => boolean;
  replays = 0;

  /** @param isEnough says when to stop: else every single step of the result is needed */
  constructor(options: WorldOptions, broken: Broken, isEnough: (replays: number) => boolean = () => false) {
    this.#options = options;
    this.#invariant = broken.invariant;
    this.#isEnough = isEnough;
  }

  get #isLate(): boolean {
    return this.#isEnough(this.replays);
  }

  /** The steps that did something until the invariant broke; `undefined` if it doesn't. */
  async #breaks(steps: readonly Step[]): Promise<readonly Step[] | undefined> {
    this.replays++;
    const course = await replay(this.#options, steps);
    return course.broken?.invariant === this.#invariant ? course.steps : undefined;
  }

  async shrink({ steps: all, world: { at } }: Course): Promise<readonly Step[]> {
    const ofDevice = all
      .filter(({ by }) => by === at?.device.n)
      .map((step) => (isFirst(step) ? step.n : step.room));
    const rooms = at?.room === undefined ? ofDevice : [at.room.n];
    let steps = (await this.#breaks(about(new Set(rooms.filter((room) => room !== undefined)), all))) ?? all;
    // Devices that have nothing to do with the last steps go at once.
    for (const n of new Set(steps.map(({ by }) => by))) {
      if (this.#isLate) return steps;
      steps = (await this.#breaks(steps.filter(({ by }) => by !== n))) ?? steps;
    }
    steps = await this.#leaveOut(steps);
    for (const step of steps) {
      if (step.fate === undefined || this.#isLate) continue;
      const others = steps.map((one) => (one === step ? { ...one, fate: undefined } : one));
      steps = (await this.#breaks(others)) ?? steps;
    }
    return steps;
  }

  /** Delta debugging: first halves, and in the end single steps. */
  async #leaveOut(all: readonly Step[]): Promise<readonly Step[]> {
    let steps = all;
    for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < steps.length && !this.#isLate; ) {
        const shorter = await this.#breaks([...steps.slice(0, from), ...steps.slice(from + size)]);
        if (shorter === undefined) from += size;
        else steps = shorter;
      }
    }
    return steps;
  }
}
