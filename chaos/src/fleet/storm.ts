// The middle of a run: all talk and commit, and clients and the service are killed.
import { Numbers } from "../../../simulation/src/numbers.js";
import type { Done } from "../clients/orders.js";
import { sleep } from "../network/weather.js";
import type { Options } from "../options.js";
import type { Service } from "../services/service.js";
import type { Company } from "./cast.js";
import type { Fleet } from "./fleet.js";
import { Ended } from "./process.js";
import type { Choice, Rooms } from "./rooms.js";

/** So many deeds are done at once. */
const AT_ONCE = 200;

interface Pause {
  /** Milliseconds, at least and at most. */
  readonly least: number;
  readonly most: number;
  /** How many deeds are answered meanwhile, at least: a slow machine does more than starting and connecting again. */
  readonly deeds: number;
}

/** Between two of each kind. */
const KILLS: Pause = { least: 300, most: 1500, deeds: 40 };
const STRIKES: Pause = { least: 4000, most: 12_000, deeds: 200 };
const CUTS: Pause = { least: 1500, most: 6000, deeds: 100 };
/** For how many milliseconds a client or the service is away. */
const AWAY = 1200;

export class Storm {
  readonly #fleet: Fleet;
  readonly #rooms: Rooms;
  readonly #service: Service;
  readonly #company: Company;
  readonly #options: Options;
  readonly #open = new Map<Promise<void>, Choice & { readonly since: number }>();
  readonly counts = new Map<string, number>();
  #isOver = false;
  /** How many deeds were answered, and when something happened last. */
  #answers = 0;
  #progress = performance.now();

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

  /** Those of the honest, with who does them: who forges may be removed, and not learn of it. */
  get #owed(): readonly Choice[] {
    return [...this.#open.values()].filter(({ client }) => this.#company.isHonest(client));
  }

  /** What they are, and of whom. */
  get waiting(): string {
    const counts = new Map<string, number>();
    for (const { client, deed } of this.#owed) {
      const where = "group" in deed ? ` in ${deed.group.slice(0, 8)}` : "";
      const what = `${client} ${deed.kind}${where}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    return [...counts].map(([what, n]) => (n === 1 ? what : `${what} (${n})`)).join(", ");
  }

  /** The one that has waited longest, and for how many seconds. */
  get oldest(): string {
    const [first] = this.#open.values();
    if (first === undefined) return "none waits";
    const { client, deed, since } = first;
    const where = "group" in deed ? ` in ${deed.group.slice(0, 8)}` : "";
    return `the oldest ${((performance.now() - since) / 1000).toFixed(0)} s: ${client} ${deed.kind}${where}`;
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
      this.#answers++;
      this.hear();
    });
    this.#open.set(work, { ...choice, since: performance.now() });
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
      progress();
      const isFull = this.#open.size >= AT_ONCE;
      const choice = isFull ? undefined : this.#rooms.choose((client) => this.#fleet.isReady(client));
      if (choice !== undefined) this.#begin(choice);
      else await sleep(1);
      // Nobody answers any more: who waits for what is told when it is calm.
      if (isFull && performance.now() - this.#progress > this.#options.patience * 1000) break;
    }
    this.end();
    await Promise.all(others);
  }

  /** From now on nothing more is done, killed or cut. */
  end(): void {
    this.#isOver = true;
  }

  async #every(
    { least, most, deeds }: Pause,
    stream: number,
    work: (numbers: Numbers) => Promise<void>,
  ): Promise<void> {
    const numbers = new Numbers(this.#options.seed, stream, 3);
    // A killed one has more to lose the longer it lives: so many clients, so many times the pause.
    const times = stream > 1000 ? 1 : this.#company.killed.length;
    for (;;) {
      const until = performance.now() + times * (least + numbers.below(most - least));
      const count = this.#answers + times * deeds;
      const isTime = () => performance.now() >= until && this.#answers >= count;
      while (!isTime() && !this.#isOver) await sleep(50);
      if (this.#isOver) return;
      await work(numbers);
    }
  }

  /** Somebody has told something: there is progress. */
  hear(): void {
    this.#progress = performance.now();
  }

  /** @returns whether all deeds of the honest have been answered, before nothing happened for so many milliseconds */
  async answered(within: number): Promise<boolean> {
    this.hear();
    while (this.#owed.length > 0 && performance.now() - this.#progress < within) await sleep(50);
    return this.#owed.length === 0;
  }
}
