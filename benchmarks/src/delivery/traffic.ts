// How many messages a second a service takes, and how long each is on its way.
import { randomBytes } from "node:crypto";
import type { DeliveryService } from "@copse/delivery/service";
import { bareGroup, newId } from "./group.js";
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

/** Reads a group's log until it is stopped. */
async function follow(
  service: DeliveryService,
  group: Awaited<ReturnType<typeof bareGroup>>,
  listener: (id: string) => void,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const { groupId, key, first } = group;
  const batches = service.subscribe({ groupId, after: first, key, signal: stop.signal });
  const iterator = batches[Symbol.asyncIterator]();
  // The first batch says that it has begun.
  await iterator.next();
  const read = (async () => {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      for (const { id } of value.entries) listener(id);
    }
  })().catch(() => undefined);
  return async () => {
    stop.abort();
    await read;
  };
}

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
          const stops = await Promise.all(groups.map((group) => follow(reader, group, listener)));
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

/** Milliseconds from a commit's submission until so many connections have it. */
export async function fanOut(
  station: Station,
  {
    connections,
    size,
    rounds,
  }: { readonly connections: number; readonly size: number; readonly rounds: number },
  progress: (text: string) => void,
): Promise<number> {
  const clients: DeliveryService[] = [];
  try {
    for (let n = 0; n < connections; n++) {
      clients.push(await station.connect(n));
      if (n % 100 === 99) progress(`${station.name}: connection ${n + 1} of ${connections}`);
    }
    const committer = clients[0] as DeliveryService;
    const group = await bareGroup(committer);
    let [count, all] = [0, () => {}];
    const stops: (() => Promise<void>)[] = [];
    for (const client of clients)
      stops.push(
        await follow(client, group, () => {
          if (++count === connections) all();
        }),
      );
    const times: number[] = [];
    let after = group.first;
    for (let round = 0; round < rounds; round++) {
      count = 0;
      const got = new Promise<void>((resolve) => {
        all = resolve;
      });
      const handshake = await group.next(after, size);
      const start = performance.now();
      const submitted = await committer.submit(handshake);
      if (submitted.kind !== "accepted")
        throw new Error(`expected the commit to be taken, got ${submitted.kind}`);
      after = submitted.cursor;
      await got;
      times.push(performance.now() - start);
    }
    for (const stop of stops) await stop();
    return percentile(
      times.sort((a, b) => a - b),
      0.5,
    );
  } finally {
    for (const client of clients) await client.close();
  }
}
