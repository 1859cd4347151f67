// All processes of clients: those that live as long as the run, and those that are killed and started again.
import type { Cast, Deed, Done, Setting } from "../clients/orders.js";
import type { ClientEvent } from "../model/events.js";
import { STORMY, sleep } from "../network/weather.js";
import type { Service } from "../services/service.js";
import type { Company } from "./cast.js";
import { ClientProcess, Ended, type Listener } from "./process.js";

/** Two cores have two processes for those that aren't killed. */
const STEADY_PROCESSES = 2;

export interface FleetOptions {
  readonly service: Service;
  readonly company: Company;
  readonly seed: number;
  readonly hear: (event: ClientEvent) => void;
  readonly failed: (text: string) => void;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #processes = new Map<string, ClientProcess>();
  readonly #weather: Record<string, number> = {};
  #streams = 0;
  #isCalm = false;
  kills = 0;

  private constructor(options: FleetOptions) {
    this.#options = options;
  }

  static async open(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    const { steady, killed } = options.company;
    const parts = Array.from({ length: STEADY_PROCESSES }, (_, i) =>
      steady.filter((_, n) => n % STEADY_PROCESSES === i),
    );
    for (const cast of [...parts, ...killed.map((one) => [one])]) await fleet.#start(cast);
    return fleet;
  }

  async #start(cast: readonly Cast[]): Promise<void> {
    if (cast.length === 0) return;
    const { service, seed, hear, failed } = this.#options;
    const listener: Listener = {
      events: (events) => events.forEach(hear),
      counts: (counts) => {
        for (const [what, n] of Object.entries(counts)) this.#weather[what] = (this.#weather[what] ?? 0) + n;
      },
      failed,
    };
    const setting: Setting = {
      kind: "setting",
      seed,
      stream: ++this.#streams,
      place: service.place,
      climate: STORMY,
      cast,
    };
    const one = await ClientProcess.start(service, setting, listener);
    if (this.#isCalm) one.calm();
    for (const { name } of cast) this.#processes.set(name, one);
  }

  isReady(client: string): boolean {
    return this.#processes.get(client)?.isReady === true;
  }

  /** Kills a client's process, and starts another one after so many milliseconds. */
  async kill(cast: Cast, pause: number): Promise<void> {
    await this.#processes.get(cast.name)?.kill();
    this.kills++;
    await sleep(pause);
    await this.#start([cast]);
  }

  async #order(client: string, wish: Parameters<ClientProcess["order"]>[0]): Promise<Done> {
    const one = this.#processes.get(client);
    if (one === undefined) throw new Ended(`${client} has no process`);
    return one.order(wish);
  }

  /** @throws Ended if the client is killed before it has answered */
  do(client: string, deed: Deed): Promise<Done> {
    return this.#order(client, { kind: "do", client, deed });
  }

  /** @returns `undefined` if it has come to rest within so many milliseconds, or else what it waits for */
  async settle(client: string, within: number): Promise<string | undefined> {
    const done = await this.#order(client, { kind: "settle", client, within });
    if (done.kind === "failed") return done.text;
    return done.value === true ? undefined : `${done.value}`;
  }

  /** @param wholly with its histories */
  async look(client: string, wholly: boolean) {
    const done = await this.#order(client, { kind: "look", client, wholly });
    if (done.kind === "failed" || !Array.isArray(done.value))
      throw new Error(`expected what ${client} has, got ${done.kind === "failed" ? done.text : done.value}`);
    return done.value;
  }

  /** From now on the network of all clients is good. */
  calm(): void {
    this.#isCalm = true;
    for (const one of new Set(this.#processes.values())) one.calm();
  }

  /** What the network did. */
  get weather(): Readonly<Record<string, number>> {
    return this.#weather;
  }

  async close(): Promise<void> {
    for (const one of new Set(this.#processes.values())) await one.kill();
  }
}
