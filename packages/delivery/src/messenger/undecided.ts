// RFC 9420 §12.4.3.1, §5.3.1: Welcomes of which can't be told yet whether they are valid: the application's authentication service, say,
// can't be reached. They wait, and stand in the way of nothing.
import { MlsError } from "@copse/core";
import type { Host } from "../conversation/host.js";
import type { SavedInvitation } from "./invitation.js";
import { Again, Backoff, later } from "./platform.js";

/** A Welcome that wasn't read yet. */
export interface Unread {
  readonly saved: SavedInvitation;
  readonly welcome: Uint8Array;
  /** Whether it came just now: one that was kept before has its room. */
  readonly isNew: boolean;
}

/** Whether an error says nothing about what failed. */
export const isUndecided = (error: unknown): boolean => error instanceof MlsError && error.retry === "now";

export class Undecided {
  readonly #decide: (one: Unread) => Promise<void>;
  readonly #host: Host;
  readonly #all = new Map<string, Unread>();
  readonly #backoff: Backoff;
  readonly #again = new Again(() => this.#run());
  #callOff: () => void = () => undefined;

  /** @param decide reads one, and does what follows. It throws if it can't be told yet, or the storage fails */
  constructor(host: Host, decide: (one: Unread) => Promise<void>) {
    this.#host = host;
    this.#decide = decide;
    this.#backoff = new Backoff(host.limits);
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: string): Unread | undefined {
    return this.#all.get(id);
  }

  /** Looks at it again, soon. */
  add(one: Unread): void {
    this.#all.set(one.saved.id, one);
    this.#lookLater();
  }

  #lookLater(): void {
    this.#callOff();
    const { signal } = this.#host;
    if (this.#all.size > 0 && !signal.aborted)
      this.#callOff = later(this.#backoff.next(), () => this.#again.wake());
  }

  async #run(): Promise<void> {
    for (const one of [...this.#all.values()]) {
      if (this.#host.signal.aborted) return;
      try {
        await this.#decide(one);
        this.#all.delete(one.saved.id);
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
