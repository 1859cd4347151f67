// How many messages a second a service takes, and how long each is on its way.
import { randomBytes } from "node:crypto";
import type { DeliveryService } from "@copse/delivery/service";
import { bareGroup, newId } from "./group.js";
import { readLog } from "./read-log.js";
import type { Plain, Station } from "./station.js";

export interface Load {
  readonly messages: number;
  /** Bytes of each. */
  readonly size: number;
  /** So many are sent before the first of them must be acknowledged. */
  readonly inFlight: number;
}

export interface Traffic {
  /** Acknowledged in a second. */
  readonly perSecond: number;
  /** Milliseconds from `send` to received. */
  readonly p50: number;
  readonly p99: number;
}

/** Something that takes messages and gives them back. */
interface Way {
  send(id: string, message: Uint8Array): Promise<unknown>;
  receive(listener: (id: string) => void): Promise<() => Promise<void>>;
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;

/** Sends and receives in this process; the service is in its own, if it has one. */
async function measure({ send, receive }: Way, { messages, size, inFlight }: Load): Promise<Traffic> {
  const sent = new Map<string, number>();
  const times: number[] = [];
  let all: () => void = () => undefined;
  const received = new Promise<void>((resolve) => {
    all = resolve;
  });
  const stop = await receive((id) => {
    const start = sent.get(id);
    if (start === undefined) return;
    sent.delete(id);
    times.push(performance.now() - start);
    if (times.length === messages) all();
  });
  let left = messages;
  const begin = performance.now();
  const lane = async () => {
    while (left-- > 0) {
      const id = newId();
      sent.set(id, performance.now());
      await send(id, randomBytes(size));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - begin) / 1000;
  await received;
  await stop();
  times.sort((a, b) => a - b);
  return { perSecond: messages / seconds, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** So many clients send, in so many groups. */
const SENDERS = 4;
const GROUPS = 8;

/** Measures the service. */
export async function traffic(station: Station, load: Load): Promise<Traffic> {
  const clients = await Promise.all(Array.from({ length: SENDERS }, (_, n) => station.connect(n)));
  const reader = clients[0] as DeliveryService;
  const groups = await Promise.all(Array.from({ length: GROUPS }, () => bareGroup(reader)));
  let n = 0;
  try {
    return await measure(
      {
        send: (id, message) => {
          const [client, group] = [clients[n % SENDERS], groups[n % GROUPS]];
          n++;
          const { groupId, key } = group as (typeof groups)[number];
          return (client as DeliveryService).send({ id, groupId, epoch: 1n, message, key });
        },
        receive: async (listener) => {
          const stops = await Promise.all(
            groups.map((group) => readLog(reader, group, ({ id }) => listener(id))),
          );
          return async () => {
            for (const stop of stops) await stop();
          };
        },
      },
      load,
    );
  } finally {
    for (const client of clients) await client.close();
  }
}

/** Measures what is below it. */
export function plainTraffic(plain: Plain, load: Load): Promise<Traffic> {
  return measure(
    { send: (id, message) => plain.publish(id, message), receive: (listener) => plain.receive(listener) },
    load,
  );
}
