// What ends calls that wait: their signal, the end of their connection, and a service that stops.
import type { AbortSignalLike } from "@copse/core";
import { DeliveryError } from "../service.js";

const closed = () => new DeliveryError("closed", "the connection was closed");
const unavailable = () => new DeliveryError("unavailable", "the service has stopped");

/** The running of a service: it stops, and goes on. */
export class Running {
  #stopped = false;
  /** How many times it has stopped: what was read before has ended since. */
  stops = 0;
  readonly #lives = new Set<Life>();

  /** The life of a new connection. */
  connect(): Life {
    const life = new Life(this, () => this.#lives.delete(life));
    this.#lives.add(life);
    return life;
  }

  /** @throws DeliveryError `unavailable` */
  check(): void {
    if (this.#stopped) throw unavailable();
  }

  stop(): void {
    this.#stopped = true;
    this.stops++;
    for (const life of this.#lives) life.interrupt(unavailable());
  }

  start(): void {
    this.#stopped = false;
  }
}

/** The life of a connection: its calls end with it. */
export class Life {
  readonly #running: Running;
  readonly #onEnd: () => void;
  readonly #calls = new Set<(reason: unknown) => void>();
  #isClosed = false;

  constructor(running: Running, onEnd: () => void) {
    this.#running = running;
    this.#onEnd = onEnd;
  }

  get stops(): number {
    return this.#running.stops;
  }

  /**
   * Runs a call until it is done or ended, whichever is first.
   * @param work gets a promise that rejects when the call ends, for what it waits for
   * @param since how many times the service had stopped when what the call belongs to began
   */
  async run<T>(
    signal: AbortSignalLike | undefined,
    work: (ended: Promise<never>) => Promise<T>,
    since = this.stops,
  ): Promise<T> {
    if (this.#isClosed) throw closed();
    if (signal?.aborted === true) throw signal.reason;
    this.#running.check();
    if (since !== this.stops) throw unavailable();
    let end: (reason: unknown) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    const abort = () => end(signal?.reason);
    this.#calls.add(end);
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([ended, work(ended)]);
    } finally {
      this.#calls.delete(end);
      signal?.removeEventListener("abort", abort);
    }
  }

  interrupt(reason: unknown): void {
    for (const end of this.#calls) end(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.interrupt(closed());
    this.#onEnd();
  }
}
