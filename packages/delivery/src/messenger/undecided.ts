// RFC 9420 §12.4.3.1, §5.3.1: Welcomes of which can't be told yet whether they are valid, and invitations that couldn't be answered yet: the
// application's authentication service, say, can't be reached. They wait, and stand in the way of nothing.
import type { Host } from "../conversation/host.js";
import { Again, Backoff, later } from "./platform.js";

export class Undecided<T> {
  readonly #decide: (one: T) => Promise<void>;
  readonly #host: Host;
  /** By the IDs of the invitations. */
  readonly #all = new Map<string, T>();
  readonly #backoff: Backoff;
  readonly #again = new Again(() => this.#run());
  #callOff: () => void = () => undefined;

  /** @param decide does what couldn't be done, and what follows. It throws if that still can't be told */
  constructor(host: Host, decide: (one: T) => Promise<void>) {
    this.#host = host;
    this.#decide = decide;
    this.#backoff = new Backoff(host.limits);
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: string): T | undefined {
    return this.#all.get(id);
  }

  /** Looks at it again, soon. */
  add(id: string, one: T): void {
    this.#all.set(id, one);
    this.#lookLater();
  }

  #lookLater(): void {
    this.#callOff();
    const { signal } = this.#host;
    if (this.#all.size > 0 && !signal.aborted)
      this.#callOff = later(this.#backoff.next(), () => this.#again.wake());
  }

  async #run(): Promise<void> {
    for (const [id, one] of [...this.#all]) {
      if (this.#host.signal.aborted) return;
      try {
        await this.#decide(one);
        this.#all.delete(id);
        this.#backoff.reset();
      } catch {
        // The first time it was told.
      }
    }
    this.#lookLater();
  }

  async close(): Promise<void> {
    this.#callOff();
    await this.#again.idle();
  }
}
