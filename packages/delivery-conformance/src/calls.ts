// The calls that a check makes: which one has thrown an error, which hasn't answered, and that none is heard when it is over.
import { type Batch, DELIVERY_METHODS, type DeliveryService } from "@copse/delivery/service";
import { checkAnswer, checkBatch, checkPromise } from "./answers.js";
import { authors, DeliveryConformanceError, fail, later, shown } from "./tools.js";

const thrown = new WeakMap<object, string>();

/** @returns the name of the call; `undefined` for an error that no call has thrown */
export const callOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null ? thrown.get(error) : undefined;

function note(error: unknown, call: string): void {
  if (typeof error !== "object" || error === null || thrown.has(error)) return;
  if (!(error instanceof DeliveryConformanceError)) thrown.set(error, call);
}

/** What a reader has had. */
interface Had {
  batches: number;
  entries: number;
  /** The cursor from which it goes on. */
  after: unknown;
}

/** A call that hasn't answered. */
interface Open {
  readonly call: string;
  readonly since: number;
  /** Of a reader that was asked for its next batch. */
  readonly had?: Had | undefined;
}

/** What a check waits for. */
export interface Pending {
  readonly detail: string;
  /** The call that hasn't answered; `undefined` if a reader, which may, waits for more. */
  readonly hangs: string | undefined;
  /** In milliseconds. */
  readonly since: number;
}

/** As it is written: `send()`. */
const callName = (call: string, had?: Had) =>
  had !== undefined ? `${call}: next()` : call.includes("(") ? call : `${call}()`;

const seconds = (milliseconds: number) => `${milliseconds / 1000} seconds`;

/**
 * The calls of one check. Whatever they answer after {@link end} is heard by nobody, and no call is made then: so nothing that the
 * check has begun can reject later, when nobody waits for it any more.
 */
export class Calls {
  readonly #open = new Set<Open>();
  /** Those that haven't ended, and by which call they came. */
  readonly #readers = new Map<AsyncIterator<unknown>, string>();
  #isOver = false;

  /** The same service, whose calls these are. */
  of(service: DeliveryService): DeliveryService {
    const calls = DELIVERY_METHODS.map((name) => {
      const call = service[name].bind(service) as (...args: unknown[]) => unknown;
      return [name, (...args: unknown[]) => this.#make(name, () => call(...args))];
    });
    return {
      ...(Object.fromEntries(calls) as DeliveryService),
      ordering: service.ordering,
      subscribe: (what) => this.#reader("subscribe", what?.after, () => service.subscribe(what)),
      inbox: (after, options) => this.#reader("inbox", after, () => service.inbox(after, options)),
    };
  }

  /** Calls a function that the author has given. */
  author<T>(name: string, call: () => T): Promise<Awaited<T>> {
    return this.#make(name, () => authors(name, call));
  }

  /** Ends all readers that haven't ended. @param by whose calls these are: these are over, perhaps */
  async endReaders(by: Calls): Promise<void> {
    for (const [iterator, call] of this.#readers) {
      this.#readers.delete(iterator);
      try {
        await by.#return(call, iterator);
      } catch {
        // How a reader ends that nobody reads is another check's matter.
      }
    }
  }

  async #return<E>(call: string, iterator: AsyncIterator<E>): Promise<IteratorResult<E> | undefined> {
    const end = iterator.return?.bind(iterator);
    return end && this.#make(`return() of a reader of ${call}()`, () => end());
  }

  /** Hears of nothing from now on. */
  end(): void {
    this.#isOver = true;
  }

  /** What hasn't answered yet. A call of the service comes before a reader, which may be waiting for what that call brings. */
  pending(): Pending {
    const open = [...this.#open];
    const now = Date.now();
    const oldest = (all: readonly Open[]) => Math.min(now, ...all.map((one) => one.since));
    const calls = open.filter(({ had }) => had === undefined);
    if (calls.length > 0) {
      const said = [...new Set(calls.map(({ call }) => callName(call)))].join(", ");
      const since = now - oldest(calls);
      return { detail: `no answer of ${said} for ${seconds(since)}`, hangs: said, since };
    }
    const first = open.filter(({ had }) => had?.batches === 0);
    const [one] = first.length > 0 ? first : open;
    if (one?.had === undefined)
      return { detail: "the check hasn't ended, and no call is open", hangs: undefined, since: 0 };
    const { call, had } = one;
    const since = now - one.since;
    const detail =
      had.batches === 0
        ? `no first batch of ${call}() for ${seconds(since)}: it comes at once, even if it is empty (after: ${shown(had.after)})`
        : `a reader of ${call}() has waited ${seconds(since)} for what comes after ${shown(had.after)}: it has had ${had.entries} entries`;
    return { detail, hangs: had.batches === 0 ? `${call}()` : undefined, since };
  }

  /** Makes a call. What throws at once does so here, too. */
  #make<T>(
    call: string,
    make: () => T,
    check: (value: Awaited<T>) => void = (value) => checkAnswer(call, value),
    had?: Had,
  ): Promise<Awaited<T>> {
    if (this.#isOver) return new Promise(() => undefined);
    let result: T;
    try {
      result = make();
    } catch (error) {
      note(error, call);
      throw error;
    }
    checkPromise(callName(call, had), result);
    const open: Open = { call, had, since: Date.now() };
    this.#open.add(open);
    // Whoever calls may wait for something else first.
    return later(this.#heard(open, Promise.resolve(result), check));
  }

  #heard<T>(open: Open, result: Promise<T>, check: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const close = (hear: () => void) => {
        this.#open.delete(open);
        if (!this.#isOver) hear();
      };
      result.then(
        (value) =>
          close(() => {
            try {
              check(value);
              resolve(value);
            } catch (error) {
              reject(error);
            }
          }),
        (error: unknown) =>
          close(() => {
            note(error, open.call);
            reject(error);
          }),
      );
    });
  }

  #reader<E extends { readonly cursor: string }>(
    call: string,
    after: unknown,
    make: () => AsyncIterable<Batch<E>>,
  ): AsyncIterable<Batch<E>> {
    if (this.#isOver) return { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) };
    let iterable: AsyncIterable<Batch<E>>;
    try {
      iterable = make();
    } catch (error) {
      note(error, call);
      throw error;
    }
    if (typeof (iterable as Partial<typeof iterable> | undefined)?.[Symbol.asyncIterator] !== "function")
      fail(`${call}() returned ${shown(iterable)}, expected an async iterable`);
    return { [Symbol.asyncIterator]: () => this.#iterator(call, after, iterable[Symbol.asyncIterator]()) };
  }

  #iterator<E extends { readonly cursor: string }>(
    call: string,
    after: unknown,
    iterator: AsyncIterator<Batch<E>>,
  ): AsyncIterator<Batch<E>> {
    const had: Had = { batches: 0, entries: 0, after };
    this.#readers.set(iterator, call);
    const check = (result: IteratorResult<Batch<E>>) => {
      checkBatch(call, result);
      if (result.done === true) return;
      const { entries } = result.value;
      had.batches++;
      had.entries += entries.length;
      had.after = entries.at(-1)?.cursor ?? had.after;
    };
    return {
      next: () => this.#make(call, () => iterator.next(), check, had),
      return: async () => {
        this.#readers.delete(iterator);
        return (await this.#return(call, iterator)) ?? { done: true, value: undefined };
      },
    };
  }
}
