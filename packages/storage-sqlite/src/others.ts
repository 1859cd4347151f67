// What other openers have written: SQLite doesn't tell it, but counts it.
import type { SqliteDatabase } from "./database.js";

/** In milliseconds: how often is looked, which takes microseconds. */
const EVERY = 250;

/**
 * Calls a listener when another connection has changed the database.
 * @returns what ends that
 */
export function watchOthers(db: SqliteDatabase, listener: () => void): () => void {
  const statement = db.prepare("PRAGMA data_version");
  const count = () => (statement.all() as { data_version: number }[])[0]?.data_version;
  let last = count();
  const timer = setInterval(() => {
    let now: typeof last;
    try {
      now = count();
    } catch {
      return; // the next call of the storage fails with the reason
    }
    if (now === last) return;
    last = now;
    listener();
  }, EVERY);
  // It keeps no process alive.
  timer.unref?.();
  return () => clearInterval(timer);
}
