// Operations: work that takes its time, and takes effect in one step at its end, unless it is given up before.
import type { KeyScope } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import type { OptionShape } from "../option-shapes.js";
import { type Awaitable, type HpkePrivateKey, isPromise } from "../provider/index.js";

/** An `AbortSignal`, by its shape: that of the platform, or any other. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** Why it was aborted: the `cause` of the error. */
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The options that every operation has. */
export interface OperationOptions {
  /**
   * Gives the operation up, also while it waits for its turn: it rejects with `try-again`, and changes nothing. What a
   * provider, a hook or a signer answers later is dropped.
   */
  readonly signal?: AbortSignalLike | undefined;
}

export const OPERATION: OptionShape<OperationOptions> = { signal: "object" };

/** A change of an entry that the application has in the storage of a client. */
export interface EntryChange {
  /** `app/`, and 1 to 251 of `a` to `z`, `0` to `9`, `-` and `/`. What is after the last `/` isn't `version`. */
  readonly key: string;
  /** `undefined` deletes the entry, if it is there. */
  readonly value: Uint8Array | undefined;
}

/** The options of operations whose changes a storage keeps. `T` is what they answer. */
export interface WriteOptions<T> extends OperationOptions {
  /**
   * Writes entries of the application in the same write that makes this call's changes safe: both are there, or neither. For a
   * client of `openClient` only. It is called with what the call will answer, and returns the entries, no key twice. If
   * it throws, the call fails with that, and nothing has changed in the storage. An object that the call would have ended is of
   * no use then: ask the client for the group that was to be replaced, and read a staged Welcome again. Where another opener of
   * the storage was first, the call is done again, and so it is asked again. It isn't called for a call that fails.
   */
  readonly alongside?: ((answer: T) => readonly EntryChange[]) | undefined;
}

export const WRITE: OptionShape<WriteOptions<never>> = { ...OPERATION, alongside: "function" };

/** The parts of an operation. */
export interface Steps<R, T> {
  /**
   * Computes a result. It changes nothing that another operation depends on, because it may be given up, and uses nothing up
   * that it was given, because it may be done again.
   */
  readonly work: () => Awaitable<R>;
  /** Takes the result over, and returns what the caller gets. It isn't called for work that was given up. */
  readonly finish: (result: R) => T;
  /** Whether it brings in keys that were saved. They may end while they are read: then a client with a storage reads again. */
  readonly bringsIn?: boolean | undefined;
  /** Is asked, after {@link finish} threw, whether the work is to be done once more. */
  readonly isOld?: (() => Promise<boolean>) | undefined;
  /** Whether the work has taken effect in part: then it looks at the signal itself, and answers with what it did until then. */
  readonly isPartlyDone?: (() => boolean) | undefined;
  /**
   * Keeps the application's entries for {@link store}, after {@link finish}.
   * @param ask asks the application for them
   * @throws what that throws, and MlsError `usage`: then what {@link finish} changed is undone
   */
  readonly beside?: ((ask: () => unknown) => void) | undefined;
  /** Overwrites the secrets of a result that isn't taken over. */
  readonly drop?: ((result: R) => void) | undefined;
  /** Runs the whole operation while none of another opener of the storage runs. */
  readonly turn?: ((whole: () => Promise<void>) => Awaitable<void>) | undefined;
  /**
   * Makes safe what {@link finish} changed, before the caller gets its answer.
   * @returns `again` if nothing was changed after all, and the work is to be done once more
   */
  readonly store?: (() => Awaitable<unknown>) | undefined;
  /** Is called if that failed, or was given up: what {@link finish} changed may not be safe. */
  readonly unsafe?: ((error: unknown) => void) | undefined;
  /** Is called after work that failed or whose result isn't taken over. @param late whether it was given up before */
  readonly failed?: ((late: boolean) => void) | undefined;
}

/**
 * The same operation, at whose end the private keys end that it made and that nothing needs.
 * @param kept those that are needed after it: of its result, if it was taken over
 * @param isShared whether the scope has keys of another operation now: that one ends those of late work too
 */
export function withKeys<R, T>(
  scope: KeyScope,
  steps: Steps<R, T>,
  kept: (result?: R) => Iterable<HpkePrivateKey>,
  isShared: () => boolean = () => false,
): Steps<R, T> {
  // Field by field: to copy the rest of an object takes as long as a few hashes, and each message would pay that.
  return {
    work: steps.work,
    bringsIn: steps.bringsIn,
    isOld: steps.isOld,
    isPartlyDone: steps.isPartlyDone,
    drop: steps.drop,
    turn: steps.turn,
    beside: steps.beside,
    store: steps.store,
    unsafe: steps.unsafe,
    finish: (result) => {
      const answer = steps.finish(result);
      scope.end(() => kept(result));
      return answer;
    },
    failed: (late) => {
      if (!(late && isShared())) scope.end(kept);
    },
  };
}

/** How operations make safe what they changed. */
export type Safety = Pick<Steps<unknown, unknown>, "turn" | "beside" | "store" | "unsafe">;

/** For {@link WriteOptions.alongside} of a client that keeps its state nowhere. */
export const noStorage = (): MlsError =>
  new MlsError("usage", "options.alongside: expected a client with a storage, got one without");

/** For operations that change nothing. */
export function answer<T>(result: T): T {
  return result;
}

/** An operation that can be given up. */
export class Operation<R = unknown, T = unknown> {
  readonly promise: Promise<T>;
  /** Whether it has succeeded, failed or been given up. */
  over = false;
  #onEnd: (() => void) | undefined;
  readonly #steps: Steps<R, T>;
  readonly #alongside: WriteOptions<T>["alongside"];
  /** Whether it has taken effect, and its answer waits for the storage. */
  #isStoring = false;
  // The Promise constructor assigns both before it returns.
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #ignoreSignal: (() => void) | undefined;
  #endTurn: (() => void) | undefined;

  constructor(steps: Steps<R, T>, { signal, alongside }: WriteOptions<T>) {
    this.#steps = steps;
    this.#alongside = alongside;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) this.#ignoreSignal = this.#obey(signal);
    if (alongside !== undefined && steps.beside === undefined) this.giveUp(noStorage());
  }

  /** @returns what ends that */
  #obey(signal: AbortSignalLike): () => void {
    const abort = () => {
      if (!this.#isStoring && this.#steps.isPartlyDone?.() === true) return;
      const message = "the operation was given up, because its signal was aborted";
      this.giveUp(new MlsError(this.#isStoring ? "storage" : "try-again", message, { cause: signal.reason }));
    };
    try {
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort);
    } catch (cause) {
      this.giveUp(
        new MlsError("usage", "expected options.signal: an AbortSignal, got one that throws", { cause }),
      );
    }
    return () => signal.removeEventListener("abort", abort);
  }

  /** @param listener is called when it is over, in the place of the one before */
  whenOver(listener: () => void): void {
    this.#onEnd = listener;
  }

  start(): void {
    const { turn } = this.#steps;
    if (turn === undefined) {
      this.#begin();
      return;
    }
    const whole = () =>
      new Promise<void>((resolve) => {
        this.#endTurn = resolve;
        if (this.over) resolve();
        else this.#begin();
      });
    (async () => turn(whole))().catch((error: unknown) => this.giveUp(error));
  }

  #begin(): void {
    try {
      const result = this.#steps.work();
      if (!isPromise(result)) this.#finish(result);
      else
        result.then(
          (value) => this.#finish(value),
          (error: unknown) => this.#fail(error),
        );
    } catch (error) {
      this.#fail(error);
    }
  }

  #finish(result: R): void {
    const { finish, beside, drop, store } = this.#steps;
    const alongside = this.#alongside;
    if (this.over) {
      quietly(() => drop?.(result));
      this.#steps.failed?.(true);
      return;
    }
    let answer: T;
    let isOld = this.#steps.isOld;
    try {
      answer = finish(result);
      // What the application throws is its own.
      isOld = undefined;
      if (alongside !== undefined) beside?.(() => alongside(answer));
    } catch (error) {
      quietly(() => drop?.(result));
      if (isOld === undefined) this.#fail(error);
      else
        isOld().then(
          (again) => (again && !this.over ? this.#begin() : this.#fail(error)),
          (other) => this.#fail(other),
        );
      return;
    }
    if (store === undefined) {
      this.#succeed(answer);
      return;
    }
    this.#isStoring = true;
    const stored = (outcome: unknown) => {
      this.#isStoring = false;
      if (this.over) return;
      if (outcome === "again") this.#begin();
      else this.#succeed(answer);
    };
    // In a function, so that what it throws at once is a rejection.
    (async () => store())().then(stored, (error: unknown) => this.giveUp(error));
  }

  #succeed(answer: T): void {
    this.#resolve(answer);
    this.#end();
  }

  #fail(error: unknown): void {
    this.#steps.failed?.(this.over);
    this.giveUp(error);
  }

  /** Ends the operation with an error, unless it is over. */
  giveUp(error: unknown): void {
    if (this.over) return;
    this.#reject(error);
    this.#end();
    if (this.#isStoring) this.#steps.unsafe?.(error);
  }

  #end(): void {
    this.over = true;
    quietly(() => this.#ignoreSignal?.());
    this.#endTurn?.();
    this.#onEnd?.();
  }
}

/** Calls what isn't ours, and what a lock must not wait for: a signal, or the overwriting of an extension's secrets. */
function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // The operation has its result, or its error. This one changes neither.
  }
}

/** Runs an operation that waits for no other. */
export function perform<R, T>(steps: Steps<R, T>, options: WriteOptions<T>): Promise<T> {
  const operation = new Operation(steps, options);
  if (!operation.over) operation.start();
  return operation.promise;
}
