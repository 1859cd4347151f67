// A storage whose process ends at a write: what was written is there, and nothing after it.
import type { ClientStorage } from "@copse/core/storage";

export class CutStorage {
  readonly storage: ClientStorage;
  #left = Number.POSITIVE_INFINITY;
  #isLastMade = false;
  #onCut: () => void = () => undefined;
  /** Resolves at the first call that fails. */
  isCut: Promise<void> = Promise.resolve();

  constructor(inner: ClientStorage) {
    this.storage = {
      get: (key) => this.#reading(() => inner.get(key)),
      list: (prefix) => this.#reading(() => inner.list(prefix)),
      write: async (changes, steps) => {
        const isCut = this.#left <= 0;
        if (!isCut) {
          this.#left--;
          return inner.write(changes, steps);
        }
        // Made, and nobody learns it.
        if (this.#isLastMade) await inner.write(changes, steps);
        this.#isLastMade = false;
        this.#onCut();
        throw new Error("the process has ended");
      },
    };
  }

  #reading<T>(read: () => T): T {
    if (this.#left > 0 || this.#isLastMade) return read();
    this.#onCut();
    throw new Error("the process has ended");
  }

  /** Ends it after so many writes. @param isLastMade whether the one after them is made all the same */
  cut(after: number, isLastMade: boolean): void {
    this.#left = after;
    this.#isLastMade = isLastMade;
    this.isCut = new Promise((resolve) => {
      this.#onCut = resolve;
    });
  }

  /** As for the next process. */
  mend(): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#isLastMade = false;
  }
}

/** A storage that fails now and then: before a write, or after it is made, or when it is read. */
export function flaky(
  inner: ClientStorage,
  line: { fails: number; reads?: number },
  random: () => number,
): ClientStorage {
  const reading = <T>(read: () => T): T => {
    if (line.reads !== undefined && random() < line.reads) throw new Error("not read");
    return read();
  };
  return {
    get: (key) => reading(() => inner.get(key)),
    list: (prefix) => reading(() => inner.list(prefix)),
    write: async (changes, steps) => {
      if (random() < line.fails / 2) throw new Error("not written");
      const isWritten = await inner.write(changes, steps);
      if (random() < line.fails / 2) throw new Error("written, perhaps");
      return isWritten;
    },
  };
}
