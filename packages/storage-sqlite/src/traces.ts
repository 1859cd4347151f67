// RFC 9420 §9.2: what was deleted must not be found in the files.
import type { SqliteDatabase } from "./database.js";
import { setting } from "./settings.js";

/** In milliseconds: when it is tried again, if it was to be done at once and another opener was in the way. */
const AGAIN = 100;

/**
 * Removes what was replaced or deleted from the database's files. SQLite overwrites it in the database (`secure_delete`); its log has
 * the pages as they were, until it is written to the database and cut off (a checkpoint).
 */
export class Traces {
  readonly #db: SqliteDatabase;
  readonly #time: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param time how long they may stay, in milliseconds. Those of a process that was killed are removed at once */
  constructor(db: SqliteDatabase, time: number) {
    this.#db = db;
    this.#time = time;
    this.#remove();
  }

  /** Something was written. */
  left(): void {
    // One timer at a time, or else writes without a pause would put it off for ever.
    if (this.#time > 0 || !this.#remove()) this.#timer ??= this.#later();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#remove();
  }

  #later() {
    const timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#remove()) this.#timer = this.#later();
    }, this.#time || AGAIN);
    // It keeps no process alive: the next opener does what was left.
    timer.unref?.();
    return timer;
  }

  /** @returns false if another opener reads or writes: it isn't waited for */
  #remove(): boolean {
    const db = this.#db;
    try {
      const timeout = Number(setting(db, "busy_timeout"));
      db.exec("PRAGMA busy_timeout = 0");
      try {
        return Number(setting(db, "wal_checkpoint(TRUNCATE)")) === 0;
      } finally {
        db.exec(`PRAGMA busy_timeout = ${timeout}`);
      }
    } catch {
      // Such as a database that its owner has closed. The write itself is safe; the next one tries it again.
      return true;
    }
  }
}
