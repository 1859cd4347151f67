// A log: entries at places that count up, of which the first are dropped.
import { type Cursor, DeliveryError } from "../service.js";

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

  /** Calls back each time that there may be more to read. @returns what ends that */
  wait(wake: () => void): () => void {
    this.#readers.add(wake);
    return () => this.#readers.delete(wake);
  }
}
