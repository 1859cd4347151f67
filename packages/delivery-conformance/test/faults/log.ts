// Services with one fault each, in what readers get of a log.
import type { Batch, DeliveryService, LogEntry, Subscription } from "@copse/delivery";
import { changing, type Fault, faulty, hex, note, of, reading, turns } from "./faulty.js";

type Entries = (entries: readonly LogEntry[]) => readonly LogEntry[];

/** A service whose readers get other entries. @param make is called for each reader */
const reads = (make: () => Entries) =>
  faulty(({ inner }) => ({ subscribe: (what) => changing(inner.subscribe(what), make()) }));

/** A service whose readers get each entry changed. */
const changed = (change: (entry: LogEntry) => LogEntry) => reads(() => (entries) => entries.map(change));

/** Reads into a queue on its own, as fast as it can. */
async function* pumped(inner: DeliveryService, what: Subscription, keep: (queue: LogEntry[]) => void) {
  const queue: LogEntry[] = [];
  let wake = () => {};
  const pump = async () => {
    for await (const { entries } of inner.subscribe(what)) {
      queue.push(...entries);
      keep(queue);
      wake();
    }
  };
  pump().catch(() => undefined);
  for (;;) {
    yield { entries: queue.splice(0), behind: 0 };
    if (queue.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}

/** Catches up, and then reads on from a place that `live` gives. */
async function* twoPhases(
  inner: DeliveryService,
  what: Subscription,
  live: (caughtUp: string) => Promise<string>,
): AsyncGenerator<Batch<LogEntry>> {
  let after = what.after;
  for await (const batch of inner.subscribe(what)) {
    after = batch.entries.at(-1)?.cursor ?? after;
    yield batch;
    if (batch.behind === 0) break;
  }
  yield* inner.subscribe({ ...what, after: await live(after) });
}

const JOINS = "log: what comes while a reader catches up comes once";
const ALL = "log: all readers get all entries in one order";

export const FAULTS: readonly Fault[] = [
  of(
    "loses an entry now and then",
    [ALL, "log: a slow reader gets everything"],
    reads(() => {
      let seen = 0;
      return (entries) => entries.filter(() => ++seen % 7 !== 0);
    }),
  ),
  of(
    "delivers an entry twice now and then",
    ALL,
    reads(() => {
      let seen = 0;
      return (entries) => entries.flatMap((entry) => (++seen % 5 === 0 ? [entry, entry] : [entry]));
    }),
  ),
  of(
    "has entries in another order now and then",
    ALL,
    reads(() => (entries) => [...entries.slice(2), ...entries.slice(0, 2)]),
  ),
  of(
    "says that all entries are messages",
    "log: an entry is what was sent",
    changed((entry) => ({ ...entry, kind: "message" })),
  ),
  of(
    "counts time in seconds",
    "log: an entry is what was sent",
    changed((entry) => ({ ...entry, time: entry.time / 1000 })),
  ),
  of(
    "keeps epochs as numbers",
    "log: each byte, length and epoch is kept",
    changed((entry) => ({ ...entry, epoch: BigInt(Number(entry.epoch)) })),
  ),
  of(
    "keeps text",
    "log: each byte, length and epoch is kept",
    changed((entry) => ({
      ...entry,
      message: new Uint8Array(Buffer.from(Buffer.from(entry.message).toString())),
    })),
  ),
  of(
    "gives the entry of the cursor again",
    "log: it goes on from each place",
    faulty(({ inner, shared }) => {
      const before = note(shared, "before", new Map<string, string>());
      return {
        subscribe: (what) =>
          changing(inner.subscribe({ ...what, after: before.get(what.after) ?? what.after }), (entries) => {
            let last = what.after;
            for (const { cursor } of entries) {
              before.set(cursor, last);
              last = cursor;
            }
            return entries;
          }),
      };
    }),
  ),
  of(
    "loses what comes while it goes over to live",
    JOINS,
    faulty(({ inner, shared }) => ({
      async send(message) {
        const cursor = await inner.send(message);
        shared.notes.set("newest", cursor);
        return cursor;
      },
      subscribe: (what) =>
        twoPhases(inner, what, async (caughtUp) => {
          await turns(8);
          return note(shared, "newest", caughtUp);
        }),
    })),
  ),
  of(
    "gives twice what comes while it goes over to live",
    JOINS,
    faulty(({ inner, shared }) => ({
      async send(message) {
        const cursor = await inner.send(message);
        shared.notes.set("newest", cursor);
        return cursor;
      },
      subscribe(what) {
        const atStart = note(shared, "newest", what.after);
        return twoPhases(inner, what, async (caughtUp) => (caughtUp === what.after ? caughtUp : atStart));
      },
    })),
  ),
  of(
    "tells nobody who waits",
    "log: a reader that waits gets what comes",
    faulty(({ inner }) => ({
      async *subscribe(what) {
        for await (const batch of inner.subscribe(what)) {
          yield batch;
          if (batch.behind === 0) break;
        }
        await new Promise(() => undefined);
      },
    })),
  ),
  of(
    "gives no batch when there is nothing",
    "log: a reader is told that there is nothing",
    faulty(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          for (;;) {
            const result = await below();
            if (result.done === true || result.value.entries.length > 0) return result;
          }
        }),
    })),
  ),
  of(
    "keeps a queue of 100 entries for each reader",
    "log: a slow reader gets everything",
    faulty(({ inner }) => ({
      subscribe: (what) => pumped(inner, what, (queue) => queue.splice(0, queue.length - 100)),
    })),
  ),
  of(
    "has one place for all readers of a client",
    "log: readers of one client read on their own",
    faulty(({ inner, shared, user, client }) => ({
      subscribe(what) {
        const name = `${user} ${client} ${hex(what.groupId)} ${what.after}`;
        const one = note(shared, name, inner.subscribe(what)[Symbol.asyncIterator]());
        return reading({ [Symbol.asyncIterator]: () => one }, (below) => below());
      },
    })),
  ),
  of(
    "drops what was read",
    "log: what was read is read again from the same place",
    faulty(({ inner, shared, user }) => ({
      subscribe(what) {
        const name = `${user} ${hex(what.groupId)}`;
        const after = note(shared, name, what.after);
        return changing(inner.subscribe({ ...what, after }), (entries) => {
          shared.notes.set(name, entries.at(-1)?.cursor ?? shared.notes.get(name));
          return entries;
        });
      },
    })),
  ),
  of(
    "always says that the reader has caught up",
    "log: behind says how many more there are",
    faulty(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          const { done, value } = await below();
          return done === true ? { done, value } : { done: false, value: { ...value, behind: 0 } };
        }),
    })),
  ),
  of(
    "counts the entries of the batch in behind",
    "log: behind says how many more there are",
    faulty(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          const { done, value } = await below();
          if (done === true || value.behind === 0) return { done: done as never, value };
          return { done: false, value: { ...value, behind: value.behind + value.entries.length } };
        }),
    })),
  ),
  of(
    "takes group IDs that begin alike for one",
    "log: groups are apart",
    faulty(({ inner }) => {
      const cut = <T extends { readonly groupId: Uint8Array }>(what: T): T => ({
        ...what,
        groupId: what.groupId.slice(0, -1),
      });
      return {
        submit: (handshake) => inner.submit(cut(handshake)),
        send: (message) => inner.send(cut(message)),
        subscribe: (what) => inner.subscribe(cut(what)),
        groupInfo: (groupId) => inner.groupInfo(groupId.slice(0, -1)),
      };
    }),
  ),
  of(
    "drops what is sent to an unknown group",
    "log: an unknown group is not found",
    faulty(({ inner }) => ({
      send: (message) => inner.send(message).catch(() => ""),
    })),
  ),
];
