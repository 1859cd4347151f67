// The middle of a run: all talk and commit, and clients and the service are killed.
import { Numbers } from "../../../simulation/src/numbers.js";
import type { Done } from "../clients/orders.js";
import { endsWithin, sleep } from "../network/weather.js";
import type { Options } from "../options.js";
import type { Service } from "../services/service.js";
import type { Company } from "./cast.js";
import type { Fleet } from "./fleet.js";
import { Ended } from "./process.js";
import type { Choice, Rooms } from "./rooms.js";

/** So many deeds are done at once. */
const AT_ONCE = 200;
/** Milliseconds between two of each kind: at least, and at most. */
const KILLS = [300, 1500] as const;
const STRIKES = [4000, 12_000] as const;
const CUTS = [1500, 6000] as const;
/** For how many milliseconds a client or the service is away. */
const AWAY = 1200;

export class Storm {
  readonly #fleet: Fleet;
  readonly #rooms: Rooms;
  readonly #service: Service;
  readonly #company: Company;
  readonly #options: Options;
  readonly #open = new Set<Promise<void>>();
  readonly counts = new Map<string, number>();
  #isOver = false;

  constructor(parts: { fleet: Fleet; rooms: Rooms; service: Service; company: Company; options: Options }) {
    this.#fleet = parts.fleet;
    this.#rooms = parts.rooms;
    this.#service = parts.service;
    this.#company = parts.company;
    this.#options = parts.options;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** How many of its deeds have no answer. */
  get open(): number {
    return this.#open.size;
  }

  /** Has a client do something, and counts what became of it. */
  async do({ client, deed }: Choice): Promise<Done | undefined> {
    this.count(deed.kind);
    try {
      const done = await this.#fleet.do(client, deed);
      this.count(done.kind === "done" ? `${deed.kind}: done` : `${deed.kind}: ${done.code}`);
      return done;
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      this.count(`${deed.kind}: killed`);
      return undefined;
    }
  }

  #begin(choice: Choice): void {
    const work = this.do(choice).then(() => {
      this.#open.delete(work);
    });
    this.#open.add(work);
  }

  /** Goes on until all messages are sent, or the time is over. */
  async rage(progress: () => void): Promise<void> {
    const end = performance.now() + this.#options.seconds * 1000;
    const others = [
      ...this.#company.killed.map((one, i) =>
        this.#every(KILLS, i + 1, (numbers) => this.#fleet.kill(one, numbers.below(AWAY))),
      ),
      this.#every(STRIKES, 1001, async (numbers) => {
        await this.#service.strike(numbers.below(AWAY));
        this.count("the service killed");
      }),
      this.#every(CUTS, 1002, async () => {
        this.#service.cut();
        this.count("all connections cut");
      }),
    ];
    while ((this.counts.get("send") ?? 0) < this.#options.messages && performance.now() < end) {
      if (this.#open.size >= AT_ONCE) await Promise.race(this.#open);
      const choice = this.#rooms.choose((client) => this.#fleet.isReady(client));
      if (choice === undefined) await sleep(1);
      else this.#begin(choice);
      progress();
    }
    this.#isOver = true;
    await Promise.all(others);
  }

  async #every(
    [least, most]: readonly [number, number],
    stream: number,
    work: (numbers: Numbers) => Promise<void>,
  ): Promise<void> {
    const numbers = new Numbers(this.#options.seed, stream, 3);
    // A killed one has more to lose the longer it lives: so many clients, so many times the pause.
    const times = stream > 1000 ? 1 : this.#company.killed.length;
    for (;;) {
      const until = performance.now() + times * (least + numbers.below(most - least));
      while (performance.now() < until && !this.#isOver) await sleep(50);
      if (this.#isOver) return;
      await work(numbers);
    }
  }

  /** @returns whether all deeds have been answered within so many milliseconds */
  answered(within: number): Promise<boolean> {
    return endsWithin(Promise.all(this.#open), within);
  }
}
