// What ends calls that wait: their signals, and the end of the connection.
import type { AbortSignalLike } from "@copse/core";
import { DeliveryError } from "@copse/delivery/service";

const closed = () => new DeliveryError("closed", "the connection was closed");

export class Life {
  readonly #calls = new Set<(reason: unknown) => void>();
  #isClosed = false;

  /**
   * Runs a call until it is done or ended, whichever is first.
   * @param work gets a signal for what it waits for
   */
  async run<T>(signal: AbortSignalLike | undefined, work: (ended: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closed();
    if (signal?.aborted === true) throw signal.reason;
    const controller = new AbortController();
    let end: (reason: unknown) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = (reason) => {
        reject(reason);
        controller.abort(reason);
      };
    });
    const abort = () => end(signal?.reason);
    this.#calls.add(end);
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([ended, work(controller.signal)]);
    } finally {
      this.#calls.delete(end);
      signal?.removeEventListener("abort", abort);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#calls]) end(closed());
  }
}
