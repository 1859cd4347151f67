// Faults that are planted in a client or before it, to see that the run finds them.
import { cpSync, existsSync, rmSync } from "node:fs";
import { type Batch, DeliveryError, type DeliveryService, type LogEntry } from "@copse/delivery/service";
import type { Cast } from "./orders.js";

/** Each with the client that has it: one that is killed, or one that isn't. */
export const FAULTS = {
  "the service loses a message": "steady",
  "the service forgets what it has acknowledged": "steady",
  "the service swaps messages": "steady",
  "a cursor is moved on too far": "steady",
  "an older state is restored": "doomed",
} as const;
export type Fault = keyof typeof FAULTS;

/** So many messages are delivered as they should be before one isn't. */
const GOOD = 12;

type Log = AsyncIterable<Batch<LogEntry>>;

async function* changed(log: Log, change: (entries: readonly LogEntry[]) => readonly LogEntry[]): Log {
  for await (const { entries, behind } of log) yield { entries: change(entries), behind };
}

/** Leaves out one message in so many. */
function losing(log: Log): Log {
  let count = 0;
  return changed(log, (entries) => entries.filter(({ kind }) => kind !== "message" || ++count % GOOD !== 0));
}

/** Each message of some comes after the next one. */
function swapping(log: Log): Log {
  return changed(log, (entries) =>
    entries.every(({ kind }) => kind === "message") ? [...entries].reverse() : entries,
  );
}

/** Whoever subscribes again begins after the next message of somebody else; and each subscription ends after so many. */
async function* skipping(log: Log, after: string, own: ReadonlySet<string>): Log {
  let count = 0;
  let isToSkip = after !== "";
  for await (const { entries, behind } of log) {
    const kept: LogEntry[] = [];
    for (const entry of entries) {
      const isOthers = entry.kind === "message" && !own.has(entry.id);
      if (!isToSkip || !isOthers) kept.push(entry);
      if (isOthers) isToSkip = false;
      if (isOthers) count++;
    }
    yield { entries: kept, behind };
    if (count > GOOD) throw new DeliveryError("unavailable", "the subscription ends");
  }
}

/** What a client with a fault sees of the service. */
export function withFaultyService(service: DeliveryService, { fault }: Cast): DeliveryService {
  if (fault === undefined) return service;
  let sent = 0;
  const own = new Set<string>();
  const changes: Partial<Record<string, Partial<DeliveryService>>> = {
    "the service loses a message": { subscribe: (wish) => losing(service.subscribe(wish)) },
    "the service swaps messages": { subscribe: (wish) => swapping(service.subscribe(wish)) },
    "a cursor is moved on too far": {
      send: (message, options) => {
        own.add(message.id);
        return service.send(message, options);
      },
      subscribe: (wish) => skipping(service.subscribe(wish), wish.after, own),
    },
    "the service forgets what it has acknowledged": {
      send: async (message, options) =>
        ++sent % GOOD === 0 ? `${Number.MAX_SAFE_INTEGER}` : service.send(message, options),
    },
  };
  return { ...service, ...changes[fault] };
}

/** Puts back what was there when the life before the last one had ended. Called before the storage is opened. */
export function restoreOlder({ name, folder, fault }: Cast): void {
  if (fault !== "an older state is restored" || folder === undefined) return;
  const [now, old] = [`${folder}/${name}.sqlite`, `${folder}/${name}.old`];
  const both = ["", "-wal"];
  if (!existsSync(now)) return;
  const isThere = existsSync(old);
  for (const end of [...both, "-shm"]) if (isThere) rmSync(now + end, { force: true });
  for (const end of both) {
    const [from, to] = isThere ? [old + end, now + end] : [now + end, old + end];
    if (existsSync(from)) cpSync(from, to);
  }
}
