// Reads a log or an inbox, an entry at a time.
import type { Batch } from "@copse/delivery/service";
import { fail } from "./tools.js";

export class Reader<Entry extends { readonly cursor: string }> {
  /** All batches that have come, the newest last. */
  readonly batches: Batch<Entry>[] = [];
  readonly iterator: AsyncIterator<Batch<Entry>>;
  #waiting: Entry[] = [];

  constructor(iterable: AsyncIterable<Batch<Entry>>) {
    this.iterator = iterable[Symbol.asyncIterator]();
  }

  /** The next batch. What is read entry by entry comes in batches too. */
  async batch(): Promise<Batch<Entry>> {
    const { done, value } = await this.iterator.next();
    if (done === true) fail("a reader that nobody has ended came to its end");
    this.batches.push(value);
    return value;
  }

  async next(): Promise<Entry> {
    while (this.#waiting.length === 0) this.#waiting = [...(await this.batch()).entries];
    return this.#waiting.shift() as Entry;
  }

  async take(count: number): Promise<Entry[]> {
    const taken: Entry[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** What comes until an entry, and that one. */
  async until(isLast: (entry: Entry) => boolean): Promise<Entry[]> {
    const taken: Entry[] = [];
    do taken.push(await this.next());
    while (!isLast(taken.at(-1) as Entry));
    return taken;
  }

  /** What comes until the service says that there is no more. */
  async all(): Promise<Entry[]> {
    const taken = this.#waiting;
    this.#waiting = [];
    for (;;) {
      const { entries, behind } = await this.batch();
      taken.push(...entries);
      if (behind === 0) return taken;
    }
  }

  async end(): Promise<void> {
    await this.iterator.return?.();
  }
}

/** The cursors of entries. */
export const cursors = (entries: readonly { readonly cursor: string }[]): string[] =>
  entries.map(({ cursor }) => cursor);

/** The IDs of entries. */
export const ids = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id);
