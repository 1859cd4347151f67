// What ends what waits.
import type { AbortSignalLike } from "@copse/core";

/**
 * As an `AbortController` and its signal, in one. Any number of calls may wait on it, where Node warns of more than ten, and to make
 * the platform's own takes longer than the rest of a small call.
 */
export class Ending implements AbortSignalLike {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of [...this.#listeners]) listener();
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
