// A log: entries at places that count up, of which the first are dropped, and readers that go on when more comes.
import type { AbortSignalLike } from "@copse/core";
import { type Batch, type Cursor, DeliveryError } from "../service.js";
import type { Life } from "./life.js";

/** How much of a log is kept. The oldest entries go first. */
export interface Retention {
  /** Entries of each group. Default: 100,000. */
  readonly entries: number;
  /** Bytes of messages of each group. Default: 64 MiB. */
  readonly bytes: number;
  /** How long, in milliseconds. Default: as long as there is room. */
  readonly time: number;
}

export const DEFAULT_RETENTION: Retention = {
  entries: 100_000,
  bytes: 64 << 20,
  time: Number.POSITIVE_INFINITY,
};

/** A place in a log as clients see it. */
export const cursorOf = (place: number): Cursor => (place === 0 ? "" : `at-${place}`);

/** What may be kept of a log, and how large it is. */
interface Kept {
  readonly size: number;
  readonly time: number;
}

/** Places count from 1; 0 is that before the first entry. */
export class Log<Entry extends Kept> {
  readonly #entries = new Map<number, Entry>();
  readonly #readers = new Set<() => void>();
  #bytes = 0;
  /** The place of the newest entry. */
  last = 0;
  /** The place before the first entry that is kept. */
  dropped = 0;

  /** @returns its place */
  append(entry: Entry): number {
    this.#entries.set(++this.last, entry);
    this.#bytes += entry.size;
    this.wake();
    return this.last;
  }

  at(place: number): Entry | undefined {
    return this.#entries.get(place);
  }

  /** Drops what isn't to be kept. @param onDrop is told of each */
  retain(retention: Retention, now: number, onDrop: (entry: Entry, place: number) => void): void {
    for (;;) {
      const first = this.#entries.get(this.dropped + 1);
      if (first === undefined) return;
      const isKept =
        this.#entries.size <= retention.entries &&
        this.#bytes <= retention.bytes &&
        now - first.time <= retention.time;
      if (isKept) return;
      this.dropTo(this.dropped + 1);
      onDrop(first, this.dropped);
    }
  }

  dropTo(place: number): void {
    while (this.dropped < place) {
      const entry = this.#entries.get(++this.dropped);
      this.#bytes -= entry?.size ?? 0;
      this.#entries.delete(this.dropped);
    }
  }

  /**
   * The place of a cursor.
   * @throws DeliveryError `invalid` if this log has never had it, `expired` if what follows it is dropped
   */
  place(cursor: Cursor): number {
    if (cursor === "") return this.dropped;
    const place = /^at-[1-9]\d{0,14}$/.test(cursor) ? Number(cursor.slice(3)) : Number.NaN;
    if (!(place <= this.last)) throw new DeliveryError("invalid", "the cursor is none of this log");
    return place;
  }

  /** Entries after a place, at most so many and, but for the first, so many bytes. */
  after(place: number, upTo: number, count: number, bytes: number): { entry: Entry; place: number }[] {
    if (place < this.dropped)
      throw new DeliveryError("expired", "what follows the cursor isn't kept any more");
    const found: { entry: Entry; place: number }[] = [];
    let size = 0;
    for (let at = place + 1; at <= Math.min(this.last, upTo) && found.length < count; at++) {
      const entry = this.#entries.get(at) as Entry;
      size += entry.size;
      if (size > bytes && found.length > 0) break;
      found.push({ entry, place: at });
    }
    return found;
  }

  /** Tells all readers to look again. */
  wake(): void {
    for (const wake of [...this.#readers]) wake();
  }

  /** Something to wait for: what the next call of {@link wake} ends, or its own `wake`. */
  change(): Change {
    let wake: () => void = () => undefined;
    const happens = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#readers.add(wake);
    return { happens, wake, forget: () => this.#readers.delete(wake) };
  }
}

interface Change {
  readonly happens: Promise<void>;
  wake(): void;
  forget(): void;
}

/** What a reader reads from. */
export interface Source<Entry> {
  readonly log: Log<Kept>;
  /** The next batch, or `undefined` if there is none now. @param ended rejects when the reader ends */
  next(ended: Promise<never>): Promise<Batch<Entry> | undefined>;
  /** How many more there are, whether they can be read now or not. */
  behind(): number;
  /** For how long to wait at most before it is asked again, in milliseconds. Default: until something comes. */
  patience?(): number | undefined;
}

/**
 * Reads a log as long as its caller asks, without a queue: a slow reader finds in the log what has come meanwhile. The first
 * batch comes at once, empty if there is nothing: so the reader knows that it has caught up.
 * @param open is called once, when the first batch is asked for
 */
export function read<Entry>(
  life: Life,
  signal: AbortSignalLike | undefined,
  open: () => Source<Entry>,
): AsyncIterableIterator<Batch<Entry>> {
  const since = life.stops;
  let source: Source<Entry> | undefined;
  let isFirst = true;
  let isOver = false;
  let change: Change | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function batch(ended: Promise<never>): Promise<IteratorResult<Batch<Entry>>> {
    source ??= open();
    while (!isOver) {
      change = source.log.change();
      let timer: unknown;
      try {
        const found = await source.next(ended);
        const value = found ?? (isFirst ? { entries: [], behind: source.behind() } : undefined);
        isFirst = false;
        if (value !== undefined && !isOver) return { done: false, value };
        timer = wakeIn(source.patience?.(), change);
        await Promise.race([change.happens, ended]);
      } finally {
        change.forget();
        (globalThis as Timers).clearTimeout?.(timer);
      }
    }
    return { done: true, value: undefined };
  }
  async function step(): Promise<IteratorResult<Batch<Entry>>> {
    if (isOver) return { done: true, value: undefined };
    try {
      return await life.run(signal, batch, since);
    } catch (error) {
      isOver = true;
      throw error;
    }
  }
  return {
    next() {
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    return() {
      isOver = true;
      change?.wake();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
  clearTimeout?(timer: unknown): void;
}

function wakeIn(milliseconds: number | undefined, change: Change): unknown {
  if (milliseconds === undefined) return undefined;
  return (globalThis as Timers).setTimeout?.(change.wake, milliseconds);
}
