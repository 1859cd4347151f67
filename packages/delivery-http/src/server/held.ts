// The bytes that connections hold in memory: what a client hasn't sent as a whole yet, or hasn't taken.
import type { DeliveryCounters } from "./counters.js";
import { limited } from "./failures.js";
import type { Settings } from "./options.js";

interface Bounds {
  /** Bytes of one account, or of an address without one, after which no more calls of it are begun. */
  readonly ofOne: number;
  /** Bytes in all. Over it, the connection that has stood still for longest is ended. */
  readonly inAll: number;
  /** How long a connection may stand still, in milliseconds. */
  readonly time: number;
  /** Gets how many there are. */
  readonly tell: (bytes: number) => void;
}

/** What is held of requests that are received and worked on, and of what is sent. */
export const heldOf = ({ quotas, times }: Settings, counters: DeliveryCounters) => ({
  receiving: new Held({
    ofOne: quotas.receivingOfClient,
    inAll: quotas.receiving,
    // Slow ones get an answer before.
    time: 2 * times.request,
    tell: (bytes) => {
      counters.receiving = bytes;
    },
  }),
  sending: new Held({
    ofOne: quotas.sendingOfClient,
    inAll: quotas.sending,
    time: times.taking,
    tell: (bytes) => {
      counters.sending = bytes;
    },
  }),
});

export class Held {
  readonly bounds: Bounds;
  readonly #owners = new Map<string, number>();
  /** First the one that has stood still for longest. */
  readonly #holds = new Set<Hold>();
  #bytes = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
  }

  /** @throws DeliveryError `limit` */
  check(owner: string): void {
    if ((this.#owners.get(owner) ?? 0) >= this.bounds.ofOne)
      throw limited("too many bytes of this client are under way", 1000);
  }

  /** @param end ends the connection */
  hold(owner: string, end: () => void): Hold {
    return new Hold(this, owner, end);
  }

  changed(hold: Hold, change: number): void {
    this.#bytes += change;
    this.bounds.tell(this.#bytes);
    const left = (this.#owners.get(hold.owner) ?? 0) + change;
    if (left > 0) this.#owners.set(hold.owner, left);
    else this.#owners.delete(hold.owner);
    if (change < 0) this.#holds.delete(hold);
    if (hold.bytes > 0) this.#holds.add(hold);
    for (const oldest of this.#holds) {
      if (this.#bytes <= this.bounds.inAll) return;
      oldest.end();
    }
  }
}

/** What one connection holds. */
export class Hold {
  readonly owner: string;
  readonly #held: Held;
  readonly #end: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #bytes = 0;
  #isClosed = false;

  constructor(held: Held, owner: string, end: () => void) {
    this.#held = held;
    this.owner = owner;
    this.#end = end;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Before something large is read for it. @throws DeliveryError `limit` */
  check(): void {
    this.#held.check(this.owner);
  }

  add(bytes: number): void {
    if (this.#isClosed || bytes === 0) return;
    this.#bytes += bytes;
    this.#timer ??= setTimeout(() => this.end(), this.#held.bounds.time).unref();
    this.#held.changed(this, bytes);
  }

  /** The connection goes on: so much less. */
  remove(bytes: number): void {
    const less = Math.min(bytes, this.#bytes);
    if (less === 0) return;
    this.#bytes -= less;
    if (this.#bytes > 0) this.#timer?.refresh();
    else this.#stop();
    this.#held.changed(this, -less);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  end(): void {
    this.close();
    this.#end();
  }

  /** It holds nothing more. */
  close(): void {
    this.#isClosed = true;
    this.remove(this.#bytes);
  }
}
