// Runs the operations of a group one at a time, in the order of the calls.
import { MlsError } from "../errors.js";
import type { AsyncContext } from "../group/index.js";
import { Operation, type Steps, type WriteOptions } from "./operation.js";

/** In the asynchronous context of a hook: the operation that called it. */
class Frame {
  readonly lock: Lock;
  readonly operation: Operation | undefined;
  /** That of the hook from which the operation was called. */
  readonly outer: unknown;

  constructor(lock: Lock, operation: Operation | undefined, outer: unknown) {
    this.lock = lock;
    this.operation = operation;
    this.outer = outer;
  }
}

/** An operation that waits for its turn. */
interface Waiting {
  readonly operation: Operation;
  readonly takeTurn: () => void;
}

/**
 * Runs operations one after the other. The next one starts when the one before succeeded, failed or was given up. What
 * was given up may go on in the background: its result is dropped.
 */
export class Lock {
  readonly #context: AsyncContext | undefined;
  #running: Operation | undefined;
  readonly #waiting = new Set<Waiting>();
  /** How many calls of hooks haven't returned yet, not even a promise. */
  #hooks = 0;

  constructor(context?: AsyncContext) {
    this.#context = context;
  }

  /** @throws MlsError `reentrant` if a hook of the running operation calls; `try-again` if the signal was aborted */
  run<R, T>(steps: Steps<R, T>, options: WriteOptions<T>): Promise<T> {
    if (this.#isReentrant()) {
      const message = "a hook called an operation of its own group, which waits for the hook";
      return Promise.reject(new MlsError("reentrant", message));
    }
    const operation = new Operation(steps, options);
    const { promise } = operation;
    if (operation.over) return promise;
    // The types of its result are of no interest here.
    const queued = operation as unknown as Operation;
    if (this.#running === undefined) this.#start(queued);
    else {
      // By a promise, so that the work runs in the asynchronous context of its caller.
      const turn = new Promise<void>((takeTurn) => {
        const waiting = { operation: queued, takeTurn };
        this.#waiting.add(waiting);
        operation.whenOver(() => this.#waiting.delete(waiting));
      });
      void turn.then(() => {
        if (queued.over) this.#startNext();
        else this.#start(queued);
      });
    }
    return promise;
  }

  #start(operation: Operation): void {
    this.#running = operation;
    operation.whenOver(() => {
      if (this.#running === operation) this.#startNext();
    });
    operation.start();
  }

  #startNext(): void {
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      this.#running = waiting.operation;
      waiting.takeTurn();
      return;
    }
    this.#running = undefined;
  }

  /** Whether an operation runs. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Ends the running operation and all that wait. */
  giveUpAll(error: unknown): void {
    const all = [...this.#waiting].map(({ operation }) => operation);
    this.#waiting.clear();
    if (this.#running !== undefined) all.unshift(this.#running);
    for (const operation of all) operation.giveUp(error);
  }

  /** Calls a hook for the running operation. */
  callHook<T>(hook: () => T): T {
    this.#hooks++;
    try {
      const context = this.#context;
      if (context === undefined) return hook();
      return context.run(new Frame(this, this.#running, context.getStore()), hook);
    } finally {
      this.#hooks--;
    }
  }

  /** Whether the caller is a hook that the running operation waits for. */
  #isReentrant(): boolean {
    if (this.#hooks > 0) return true;
    for (let frame = this.#context?.getStore(); frame instanceof Frame; frame = frame.outer) {
      if (frame.lock === this && frame.operation !== undefined && !frame.operation.over) return true;
    }
    return false;
  }
}
