// RFC 9750 doesn't cover this: timers and abort signals, which every platform has, and waiting with them.
import type { AbortSignalLike } from "@copse/core";
import { Ending } from "../rules/ending.js";
import { DeliveryError } from "../service.js";
import { endOf, MessengerError, needOpen } from "./errors.js";

/** What is used of an `AbortController`. */
export interface AbortControllerLike {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
}

/** Each conversation, and each call that waits, listens to the messenger's: more than ten, of which Node warns at its own. */
export function newAbortController(): AbortControllerLike {
  const ending = new Ending();
  return { signal: ending, abort: (reason) => ending.abort(reason) };
}

/** The longest time that timers of all platforms can wait. */
const LONGEST = 2 ** 31 - 1;

/** Calls `work` later. @param time in milliseconds @returns calls it off */
export function later(time: number, work: () => void): () => void {
  const { setTimeout, clearTimeout } = globalThis as unknown as {
    readonly setTimeout: (work: () => void, time: number) => unknown;
    readonly clearTimeout: (timer: unknown) => void;
  };
  const timer = setTimeout(work, Math.min(Math.max(time, 0), LONGEST));
  return () => clearTimeout(timer);
}

/** Waits, for as long or until the signal is aborted. */
export function pause(time: number, signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = () => {
      off();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const off = later(time, end);
    signal.addEventListener("abort", end);
  });
}

/** A promise, and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever waits gets the error; nobody must.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

export const abortedBy = ({ reason }: AbortSignalLike): MessengerError =>
  new MessengerError("aborted", "the call was given up by its signal", reason);

/** The promise, unless the signal is aborted before. @param giveUp is called then @throws MessengerError `aborted` */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignalLike | undefined,
  giveUp: () => void = () => undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = deferred<never>();
  const listener = () => {
    giveUp();
    reject(abortedBy(signal));
  };
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}

/** What a call waits with. */
interface Call {
  readonly signal?: AbortSignalLike | undefined;
  /** Is called when the signal gives the call up. */
  readonly giveUp?: (() => void) | undefined;
}

/**
 * Runs a call of the application until it is done, or its signal gives it up, whatever it waits for.
 * @param host its `signal` says whether the messenger is open
 * @throws MessengerError `aborted`; `closed`, `taken`, and instead of what failed because of that; otherwise as `work`
 */
export async function called<T>(
  { signal: ended }: { readonly signal: AbortSignalLike },
  { signal, giveUp }: Call,
  work: () => Promise<T>,
): Promise<T> {
  needOpen(ended);
  if (signal?.aborted) throw abortedBy(signal);
  try {
    return await unlessAborted(work(), signal, giveUp);
  } catch (error) {
    if (signal?.aborted && !(error instanceof MessengerError)) throw abortedBy(signal);
    throw ended.aborted && !(error instanceof MessengerError) ? endOf(ended) : error;
  }
}

/** The longest wait that a service can ask for, in milliseconds: what it said may have been wrong. */
const LONGEST_WANTED = 3_600_000;

/** Waits that grow, up to a longest one; each is random between its half and its whole, so that clients don't call in step. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #count = 0;
  #refusals = 0;

  constructor({ firstWait, longestWait }: { readonly firstWait: number; readonly longestWait: number }) {
    this.#first = firstWait;
    this.#longest = longestWait;
  }

  /** How many waits there were since {@link reset}. */
  get count(): number {
    return this.#count;
  }

  /**
   * How many of the last answers, in a row, were such that the same call gets them again: what isn't to be given up because of
   * others. That a service can't be reached is no answer.
   */
  get refusals(): number {
    return this.#refusals;
  }

  reset(): void {
    this.#count = 0;
    this.#refusals = 0;
  }

  /** @param error what the service answered: it may say how long to wait */
  next(error?: unknown): number {
    const isReached = !(error instanceof DeliveryError && error.code === "unavailable");
    const isRefusal = error instanceof DeliveryError && error.retry === "never";
    if (isReached) this.#refusals = isRefusal ? this.#refusals + 1 : 0;
    const full = Math.min(this.#longest, this.#first * 2 ** Math.min(this.#count++, 30));
    const said = error instanceof DeliveryError ? error.retryAfter : undefined;
    // Of what is no number, too, nothing follows.
    const wanted = said !== undefined && said > 0 ? Math.min(said, LONGEST_WANTED) : 0;
    return Math.max(full * (0.5 + Math.random() / 2), wanted);
  }
}

/** Runs works one after the other, in the order of the calls. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** The same, for each name by itself. */
export class TurnsByName {
  readonly #last = new Map<string, Promise<void>>();

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(name) ?? Promise.resolve()).then(work);
    const end = () => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    };
    const ended: Promise<void> = result.then(end, end);
    this.#last.set(name, ended);
    return result;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}

/** Work that is done again if it was asked for while it ran, and never twice at a time. */
export class Again {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #wanted = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  wake(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whoever wakes it goes on first.
    await Promise.resolve();
    while (this.#wanted) {
      this.#wanted = false;
      await this.#work();
    }
    this.#running = undefined;
  }
}
