// What ends calls that wait: their signals, and the end of the connection.
import type { AbortSignalLike } from "@copse/core";
import { Calls } from "@copse/delivery/rules";

/** The end of a call, for what it waits for. To make the platform's own signals takes longer than the rest of a call. */
export class Ending implements AbortSignalLike {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }

  end(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.#listeners]) listener();
  }
}

export class Life {
  readonly #calls = new Calls();

  /** Runs a call until it is done or ended, whichever is first. */
  run<T>(signal: AbortSignalLike | undefined, work: (ending: Ending) => Promise<T>): Promise<T> {
    return this.#calls.run(signal, (ended) => {
      const ending = new Ending();
      ended.catch((reason: unknown) => ending.end(reason));
      return work(ending);
    });
  }

  close(): void {
    this.#calls.close();
  }
}
