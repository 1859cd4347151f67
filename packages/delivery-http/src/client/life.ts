// What ends calls that wait: their signals, and the end of the connection.
import type { AbortSignalLike } from "@copse/core";
import { Calls, Ending } from "@copse/delivery/rules";

export class Life {
  readonly #calls = new Calls();

  /** Runs a call until it is done or ended, whichever is first. */
  run<T>(signal: AbortSignalLike | undefined, work: (ending: Ending) => Promise<T>): Promise<T> {
    return this.#calls.run(signal, (ended) => {
      const ending = new Ending();
      ended.catch((reason: unknown) => ending.abort(reason));
      return work(ending);
    });
  }

  close(): void {
    this.#calls.close();
  }
}
