// A process with some clients: it does what the conductor orders, and is killed when the conductor likes.

import { MessengerError } from "@copse/delivery";
import { DeliveryError, type DeliveryService } from "@copse/delivery/service";
import { Insider } from "../insiders/insider.js";
import type { ClientEvent } from "../model/events.js";
import { rough } from "../network/rough.js";
import { endsWithin, sleep, Weather } from "../network/weather.js";
import { connectTo } from "../services/connect.js";
import { Remote } from "../services/remote.js";
import { Device } from "./device.js";
import { withFaultyService } from "./faults.js";
import type { Down, Order, Setting, Up } from "./orders.js";

/** Events wait so many milliseconds for others, to be told together. */
const TOGETHER = 20;

/** Milliseconds until a client tries to connect once more. */
const AGAIN = 200;

const post = (message: Up) => void process.send?.(message);

export class Worker {
  readonly #remote = new Remote((request) => post({ kind: "request", request }));
  readonly #devices = new Map<string, Device | Insider>();
  #weather: Weather | undefined;
  #events: ClientEvent[] = [];

  listen(): void {
    process.on("message", (message: Down) => this.#take(message));
    // The conductor is gone: nobody else ends this process.
    process.on("disconnect", () => process.exit(0));
  }

  #take(message: Down): void {
    if (message.kind === "answer") this.#remote.take(message.answer);
    else if (message.kind === "calm") this.#calm();
    else if (message.kind === "setting") this.#begin(message).then(() => post({ kind: "ready" }), fail);
    else this.#obey(message).catch(fail);
  }

  #calm(): void {
    this.#weather?.calm();
    post({ kind: "counts", counts: this.#weather?.counts ?? {} });
  }

  async #begin({ seed, stream, place, climate, cast }: Setting): Promise<void> {
    const weather = new Weather(seed, stream, climate);
    this.#weather = weather;
    for (const one of cast) {
      const connect = async (client: Device["messenger"]["client"]): Promise<DeliveryService> => {
        const good = await untilConnected(() => connectTo(place, one.name, client, this.#remote));
        return withFaultyService(rough(good, weather), one);
      };
      const tell = (event: ClientEvent) => this.#tell(event);
      const opened = await (one.isHonest ? Device : Insider).open(one, connect, tell);
      this.#devices.set(one.name, opened);
    }
  }

  #tell(event: ClientEvent): void {
    if (this.#events.length === 0) setTimeout(() => this.#flush(), TOGETHER);
    this.#events.push(event);
  }

  #flush(): void {
    const events = this.#events;
    this.#events = [];
    if (events.length > 0) post({ kind: "events", events });
  }

  async #obey(order: Order): Promise<void> {
    const { n, client } = order;
    const device = this.#devices.get(client);
    if (device === undefined) throw new Error(`expected one of this process's clients, got ${client}`);
    try {
      const value =
        order.kind === "do"
          ? await device.do(order.deed)
          : order.kind === "look"
            ? await device.look(order.wholly)
            : await settled(device, order.within);
      this.#flush();
      post({ kind: "done", n, value });
    } catch (error) {
      this.#flush();
      const code = error instanceof MessengerError ? error.code : (error as Error).name;
      post({ kind: "failed", n, code, text: `${error}` });
    }
  }
}

/** Tries until the service is there, as an application does. */
async function untilConnected<T>(connect: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof DeliveryError && error.retry === "later")) throw error;
      await sleep(AGAIN);
    }
  }
}

/** @returns whether it came to rest, or what it waits for */
async function settled({ messenger }: Device | Insider, within: number): Promise<true | string> {
  if (await endsWithin(messenger.settled(), within)) return true;
  return messenger.conversations
    .map((one) => `${one.id.slice(0, 8)} ${one.state}, ${one.outbox().length} in the outbox`)
    .join("; ");
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(3);
}
