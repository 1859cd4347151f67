// What a check of a storage is, and what comes of it. Knows no test runner.
import type { ClientStorage } from "@copse/core/storage";

/** How to reach the storage that is checked. */
export interface StorageUnderTest {
  /** For people, such as `sqlite`. */
  readonly name: string;
  /**
   * Opens the storage with this name: a file, a table, a schema. The first time, it is empty. Again with the same name: another
   * opener of the same storage, as in another tab or process, while the first is open. Names are of `a` to `z` and digits.
   */
  open(name: string): ClientStorage | Promise<ClientStorage>;
  /** Closes what `open` returned. Default: nothing. */
  close?(storage: ClientStorage): unknown;
}

/** What came of one check. */
export interface StorageCheckResult {
  /** Such as `write: all or nothing`. Stable from version to version. */
  readonly name: string;
  readonly outcome: "passed" | "failed";
  /** Why it failed; empty if it passed. */
  readonly detail: string;
}

/** One check, ready to be run as a test of its own, as often as one likes. */
export interface StorageCheck {
  readonly name: string;
  /** Runs it. Never throws. */
  result(): Promise<StorageCheckResult>;
  /** Runs it as a test. @throws StorageConformanceError */
  run(): Promise<void>;
}

/** A storage doesn't do what the interface asks. */
export class StorageConformanceError extends Error {
  override readonly name = "StorageConformanceError";
}

/** Ends a check as failed. */
export function fail(detail: string): never {
  throw new StorageConformanceError(detail);
}

/** What a check opens storages with. It closes them at its end. */
export interface Room {
  /** Another opener of the check's storage. */
  open(): Promise<ClientStorage>;
  /** Another storage, which is empty. */
  other(): Promise<ClientStorage>;
  close(storage: ClientStorage): Promise<void>;
}

/** The body of a check, which throws if it fails. It gets an opener of a storage that is empty. */
export type Body = (storage: ClientStorage, room: Room) => unknown;

let opened = 0;

/** @param timeLimit in milliseconds */
export function check(under: StorageUnderTest, name: string, body: Body, timeLimit: number): StorageCheck {
  async function attempt(): Promise<void> {
    const own = `check${++opened}`;
    const storages = new Set<ClientStorage>();
    const open = async (which: string) => {
      const storage = await under.open(which);
      storages.add(storage);
      return storage;
    };
    const close = async (storage: ClientStorage) => {
      storages.delete(storage);
      await under.close?.(storage);
    };
    try {
      await body(await open(own), { open: () => open(own), other: () => open(`${own}other`), close });
    } finally {
      for (const storage of storages) await close(storage);
    }
  }
  async function result(): Promise<StorageCheckResult> {
    try {
      await inTime(attempt(), timeLimit);
      return { name, outcome: "passed", detail: "" };
    } catch (error) {
      const detail = error instanceof StorageConformanceError ? error.message : `unexpected ${String(error)}`;
      return { name, outcome: "failed", detail };
    }
  }
  return {
    name,
    result,
    async run() {
      const { outcome, detail } = await result();
      if (outcome === "failed") fail(`${under.name}: ${name}: ${detail}`);
    },
  };
}

/** The timers of all platforms, if it has them. */
interface Timers {
  setTimeout?(work: () => void, milliseconds: number): unknown;
  clearTimeout?(timer: unknown): void;
}

/** Lets everything else go on, timers included. */
export function pause(): Promise<void> {
  const { setTimeout } = globalThis as Timers;
  return new Promise((resolve) => {
    if (setTimeout === undefined) resolve();
    else setTimeout(resolve, 0);
  });
}

async function inTime(work: Promise<void>, limit: number): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis as Timers;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const error = new StorageConformanceError(`a call has not settled after ${limit / 1000} seconds`);
    timer = setTimeout?.(() => reject(error), limit);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout?.(timer);
  }
}
