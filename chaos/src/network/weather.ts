// How bad the network is: what becomes of each request, answer and connection, by the seed.
import { Numbers } from "../../../simulation/src/numbers.js";

/** Once in so many requests or batches; 0: never. */
export interface Climate {
  /** Is held back, so that others overtake it. */
  readonly delayed: number;
  /** For how many milliseconds at most. */
  readonly delay: number;
  readonly duplicated: number;
  /** Doesn't arrive. */
  readonly lost: number;
  /** Arrives, and the answer doesn't. */
  readonly unanswered: number;
  /** Its connection ends. */
  readonly cut: number;
}

export const STORMY: Climate = { delayed: 6, delay: 120, duplicated: 12, lost: 60, unanswered: 60, cut: 150 };
const CALM: Climate = { delayed: 0, delay: 0, duplicated: 0, lost: 0, unanswered: 0, cut: 0 };

type Trouble = Exclude<keyof Climate, "delay">;

/** The weather between some clients and a service. */
export class Weather {
  readonly #numbers: Numbers;
  #climate: Climate;
  readonly counts: Record<Trouble, number> = { delayed: 0, duplicated: 0, lost: 0, unanswered: 0, cut: 0 };

  /** @param stream of the seed: each wire has its own */
  constructor(seed: number, stream: number, climate: Climate = STORMY) {
    this.#numbers = new Numbers(seed, stream, 1);
    this.#climate = climate;
  }

  /** From now on all arrives. */
  calm(): void {
    this.#climate = CALM;
  }

  strikes(trouble: Trouble): boolean {
    const times = this.#climate[trouble];
    const does = times > 0 && this.#numbers.once(times);
    if (does) this.counts[trouble]++;
    return does;
  }

  /** For how many milliseconds the next one is held back: mostly 0. */
  delay(): number {
    return this.strikes("delayed") ? this.#numbers.below(this.#climate.delay) : 0;
  }
}

export const sleep = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Waits for something no longer than so many milliseconds. @returns whether it has ended */
export async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
