// A service that orders nothing: each reader gets the entries of a group in another order, some of them twice, and nothing from the
// others for as long as the test parts them.
import type { Batch, DeliveryService, LogEntry, Subscription } from "@copse/delivery";
import { memoryDelivery } from "@copse/delivery";

interface Reading {
  /** In the order in which this reader got them. */
  readonly log: LogEntry[];
  /** How many are still on their way. */
  coming: number;
  /** The place in the service's log up to which the entries are on their way. */
  read: string;
  isPumped: boolean;
  isReady: boolean;
  failure: unknown;
  readonly waiting: Set<() => void>;
  /** What is kept from this reader. */
  readonly kept: LogEntry[];
}

export interface RelayOptions {
  /** The longest time that an entry takes to a reader, in milliseconds. */
  readonly spread: number;
  /** How often an entry comes twice. */
  readonly twice: number;
}

export class Relay {
  readonly delivery = memoryDelivery({ ordering: "none" });
  readonly #options: RelayOptions;
  readonly #random: () => number;
  readonly #readings = new Map<string, Reading>();
  /** Who sent an entry, by its ID. */
  readonly #senders = new Map<string, string>();
  #sides: readonly (readonly string[])[] = [];

  constructor(options: RelayOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** From now on nobody gets entries of the other side. */
  part(...sides: readonly (readonly string[])[]): void {
    this.#sides = sides;
  }

  heal(): void {
    this.#sides = [];
    for (const reading of this.#readings.values())
      for (const entry of reading.kept.splice(0)) this.#deliver(reading, entry);
  }

  #isApart(a: string, b: string | undefined): boolean {
    const side = this.#sides.find((one) => one.includes(a));
    return side !== undefined && b !== undefined && !side.includes(b);
  }

  #deliver(reading: Reading, entry: LogEntry): void {
    setTimeout(() => {
      reading.coming--;
      reading.log.push(entry);
      for (const wake of [...reading.waiting]) wake();
    }, this.#random() * this.#options.spread);
  }

  connect(name: string, key: Uint8Array): DeliveryService {
    const service = this.delivery.connect(name, key);
    const noted =
      <In extends { readonly id: string }, Out>(call: (input: In, options?: object) => Promise<Out>) =>
      (input: In, options?: object) => {
        this.#senders.set(input.id, name);
        return call(input, options);
      };
    const changed: Partial<DeliveryService> = {
      submit: noted(service.submit.bind(service)),
      send: noted(service.send.bind(service)),
      subscribe: (subscription) => this.#subscribe(service, name, subscription),
    };
    return new Proxy(service, {
      get(target, method: keyof DeliveryService) {
        if (method in changed) return changed[method];
        const value: unknown = target[method];
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #reading(name: string, groupId: Uint8Array): Reading {
    const key = `${name} ${Buffer.from(groupId).toString("hex")}`;
    const found = this.#readings.get(key);
    if (found !== undefined) return found;
    const reading: Reading = {
      ...{
        log: [],
        coming: 0,
        read: "",
        isPumped: false,
        isReady: false,
        failure: undefined,
        waiting: new Set(),
        kept: [],
      },
    };
    this.#readings.set(key, reading);
    return reading;
  }

  async #pump(service: DeliveryService, name: string, groupId: Uint8Array, reading: Reading): Promise<void> {
    reading.isPumped = true;
    try {
      for await (const { entries } of service.subscribe({ groupId, after: reading.read })) {
        for (const entry of entries) {
          reading.read = entry.cursor;
          const count = this.#random() < this.#options.twice ? 2 : 1;
          reading.coming += count;
          for (let i = 0; i < count; i++)
            if (this.#isApart(name, this.#senders.get(entry.id))) reading.kept.push(entry);
            else this.#deliver(reading, entry);
        }
        reading.isReady = true;
        for (const wake of [...reading.waiting]) wake();
      }
    } catch (error) {
      reading.failure = error;
    } finally {
      reading.isPumped = false;
      for (const wake of [...reading.waiting]) wake();
    }
  }

  async *#subscribe(
    service: DeliveryService,
    name: string,
    { groupId, after, signal }: Subscription,
  ): AsyncGenerator<Batch<LogEntry>> {
    const reading = this.#reading(name, groupId);
    let place = after === "" ? 0 : Number(after.slice("read-".length));
    let isFirst = true;
    reading.failure = undefined;
    if (!reading.isPumped) void this.#pump(service, name, groupId, reading);
    while (signal?.aborted !== true) {
      if (reading.failure !== undefined) throw reading.failure;
      if (reading.isReady && (isFirst || place < reading.log.length)) {
        isFirst = false;
        const entries = reading.log
          .slice(place)
          .map((one, i) => ({ ...one, cursor: `read-${place + i + 1}` }));
        place += entries.length;
        yield { entries, behind: reading.coming - reading.kept.length };
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          reading.waiting.delete(wake);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        reading.waiting.add(wake);
        signal?.addEventListener("abort", wake);
      });
    }
    throw new Error("the subscription was given up");
  }
}
