// The calls and the readers of one connection: what ends them, and how a reader goes on.
import type { AbortSignalLike } from "@copse/core";
import { type Batch, DeliveryError } from "../service.js";

/** What a reader reads from. */
export interface Source<Entry> {
  /**
   * The next batch; `undefined` if there is none now.
   * @param ended rejects when the reader ends: what takes its time is raced against it
   */
  next(ended: Promise<never>): Promise<Batch<Entry> | undefined>;
  /** Calls back when there may be more. @returns what ends that */
  wait(wake: () => void): () => void;
  /** How many entries there are that aren't read, whether they can be read now or not. Default: none when there is no batch. */
  behind?(): number;
  /** After how many milliseconds to ask again at the latest. Default: when something comes. */
  patience?(): number | undefined;
}

/**
 * The calls of one connection. Each ends with its own signal, and all of them when the connection is closed or lost.
 * @example
 * const calls = new Calls();
 * const send = (message, { signal } = {}) => calls.run(signal, () => database.append(message));
 * const close = async () => calls.close();
 */
export class Calls {
  readonly #check: () => void;
  readonly #ends = new Set<(reason: unknown) => void>();
  #isClosed = false;
  /** Readers that began before an interruption end with its reason. */
  #interruption: { readonly reason: unknown } | undefined;

  /** @param check throws why no call can be made now */
  constructor(check: () => void = () => undefined) {
    this.#check = check;
  }

  /**
   * Runs a call until it is done or ended, whichever is first.
   * @param work gets a promise that rejects when the call ends, to race against what it waits for
   * @throws what `work` throws; the signal's reason; DeliveryError `closed`; the reason of {@link interrupt}
   */
  async run<T>(
    signal: AbortSignalLike | undefined,
    work: (ended: Promise<never>) => T | Promise<T>,
  ): Promise<T> {
    if (this.#isClosed) throw closed();
    if (signal?.aborted === true) throw signal.reason;
    this.#check();
    let end: (reason: unknown) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    const abort = () => end(signal?.reason);
    this.#ends.add(end);
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([ended, work(ended)]);
    } finally {
      this.#ends.delete(end);
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * Reads as long as its caller asks, without a queue: a slow reader finds where it reads what has come meanwhile. The first
   * batch comes at once, empty if there is nothing: so the reader knows whether it has caught up.
   * @param open is called once, when the first batch is asked for
   */
  read<Entry>(
    signal: AbortSignalLike | undefined,
    open: () => Source<Entry> | Promise<Source<Entry>>,
  ): AsyncIterableIterator<Batch<Entry>> {
    const before = this.#interruption;
    let source: Source<Entry> | undefined;
    let isFirst = true;
    let isOver = false;
    let wake: () => void = () => undefined;
    let turn: Promise<unknown> = Promise.resolve();

    const batch = async (ended: Promise<never>): Promise<IteratorResult<Batch<Entry>>> => {
      if (this.#interruption !== before) throw this.#interruption?.reason;
      source ??= await open();
      while (!isOver) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        // Before it looks: what comes while it looks wakes it, too.
        const forget = source.wait(wake);
        let timer: unknown;
        try {
          const found = await source.next(ended);
          const value = found ?? (isFirst ? { entries: [], behind: source.behind?.() ?? 0 } : undefined);
          isFirst = false;
          if (value !== undefined && !isOver) return { done: false, value };
          timer = wakeIn(source.patience?.(), wake);
          await Promise.race([woken, ended]);
        } finally {
          forget();
          (globalThis as Timers).clearTimeout?.(timer);
        }
      }
      return { done: true, value: undefined };
    };
    const step = async (): Promise<IteratorResult<Batch<Entry>>> => {
      if (isOver) return { done: true, value: undefined };
      try {
        return await this.run(signal, batch);
      } catch (error) {
        isOver = true;
        throw error;
      }
    };
    return {
      next() {
        const result = turn.then(step);
        turn = result.catch(() => undefined);
        return result;
      },
      return() {
        isOver = true;
        wake();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Ends all that runs, such as when the connection is lost: readers have to begin again, calls can be made. */
  interrupt(reason: unknown): void {
    this.#interruption = { reason };
    for (const end of this.#ends) end(reason);
  }

  /** Ends all that runs, and all that comes, with `closed`. */
  close(): void {
    this.#isClosed = true;
    this.interrupt(closed());
  }
}

const closed = () => new DeliveryError("closed", "the connection was closed");

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
  clearTimeout?(timer: unknown): void;
}

function wakeIn(milliseconds: number | undefined, wake: () => void): unknown {
  if (milliseconds === undefined) return undefined;
  return (globalThis as Timers).setTimeout?.(wake, milliseconds);
}
