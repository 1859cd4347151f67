// RFC 9420 §16.2: the writes of a client to its storage.
import { wipe } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { ClientStorage, StorageChange, VersionStep } from "./client-storage.js";
import { noTurn, stale } from "./failures.js";

/**
 * Runs work in the storage's turn: once, and to its end. A turn only spares openers from starting again; what is safe, the
 * versions decide. So one that ends early, like a lock that was stolen, ends nothing that has begun.
 * @throws MlsError what the turn throws before the work begins; `storage` if it ends without it; what the work throws
 */
export function inTurn(storage: ClientStorage, name: string, work: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let running: Promise<void> | undefined;
    const once = () => {
      if (running === undefined) {
        running = work();
        running.then(resolve, reject);
      }
      return running;
    };
    const over = (error: unknown) => {
      if (running !== undefined) return;
      // So that it isn't begun later.
      running = Promise.resolve();
      reject(error);
    };
    // In a function, so that what it throws at once is a rejection.
    (async () => (storage.turn === undefined ? once() : storage.turn(name, once)))().then(
      () => over(noTurn()),
      over,
    );
  });
}

/** @throws MlsError `stale-state` if nothing was written, `storage` if nobody knows whether it was */
export async function makeWrite(
  storage: ClientStorage,
  changes: readonly StorageChange[],
  steps: readonly VersionStep[],
): Promise<void> {
  let isWritten: boolean;
  try {
    isWritten = await storage.write(changes, steps);
  } catch (cause) {
    throw new MlsError("storage", "the storage failed, and nobody knows whether it has the change", {
      cause,
    });
  } finally {
    wipe(...changes.map(({ value }) => value));
  }
  if (isWritten === true) return;
  if (isWritten === false) throw stale();
  throw new MlsError("storage", `expected true or false of the storage's write(), got ${typeof isWritten}`);
}

/** Changes of the client that are written together. Whoever makes more of them meanwhile waits for the next one. */
export class Batch {
  readonly done: Promise<void>;
  isOver = false;
  /** Undoes here what couldn't be made safe. */
  undo: ((error: unknown) => void) | undefined;
  readonly #onEnd: () => void;
  // The Promise constructor assigns both before it returns.
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits for it gets its error.
    this.done.catch(() => undefined);
  }

  /** @param error why it couldn't be made safe */
  end(error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    if (error === undefined) this.#resolve();
    else {
      this.undo?.(error);
      this.#reject(error);
    }
    this.#onEnd();
  }
}

/** Makes batches one after the other. One that is given up stands in the way of no other. */
export class Batches {
  readonly #write: (batch: Batch) => Promise<void>;
  #running: Batch | undefined;
  #next: Batch | undefined;

  constructor(write: (batch: Batch) => Promise<void>) {
    this.#write = write;
  }

  /** The one that is written next. */
  get next(): Batch {
    if (this.#next === undefined) {
      const batch = new Batch(() => {
        if (this.#running !== batch) return;
        this.#running = undefined;
        this.#start();
      });
      this.#next = batch;
      // Later, so that calls that end together share it.
      if (this.#running === undefined) void Promise.resolve().then(() => this.#start());
    }
    return this.#next;
  }

  /** The one that is written now. */
  get running(): Batch | undefined {
    return this.#running;
  }

  #start(): void {
    const batch = this.#next;
    if (batch === undefined || this.#running !== undefined) return;
    this.#next = undefined;
    this.#running = batch;
    this.#write(batch).then(
      () => batch.end(),
      (error: unknown) => batch.end(error),
    );
  }
}
