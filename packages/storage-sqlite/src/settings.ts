// How SQLite must be set, so that what it answered is safe, and what it deleted is gone.
import { MlsError } from "@copse/core/provider";
import type { SqliteDatabase } from "./database.js";

/** The value of a setting. */
export function setting(db: SqliteDatabase, name: string): unknown {
  const [row] = db.prepare(`PRAGMA ${name}`).all() as Record<string, unknown>[];
  return row && Object.values(row)[0];
}

/** How often, and in milliseconds how far apart, is tried what SQLite doesn't wait for by itself. */
const TRIES = 100;
const APART = 20;

/** Does what another process may be doing at the same time: both find a new file, for example. */
async function whenFree(work: () => void): Promise<void> {
  for (let i = 1; ; i++) {
    try {
      return work();
    } catch (error) {
      if (i === TRIES || !/locked|busy/i.test(String(error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, APART));
  }
}

/**
 * Sets a connection so that a commit outlasts a loss of power.
 * @param isOwn whether nobody else has it: then the journal, and the place of temporary files, are ours to choose
 */
export async function makeDurable(
  db: SqliteDatabase,
  isOwn: boolean,
  busyTimeout: number | undefined,
): Promise<void> {
  if (busyTimeout !== undefined) db.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
  if (isOwn) {
    // A commit is one append and one fsync. With a rollback journal it is several, and the journal has what is replaced.
    await whenFree(() => {
      if (setting(db, "journal_mode") !== "wal") db.exec("PRAGMA journal_mode = WAL");
    });
    db.exec("PRAGMA temp_store = MEMORY");
  }
  const mode = String(setting(db, "journal_mode"));
  if (mode === "memory" || mode === "off" || (isOwn && mode !== "wal"))
    throw new MlsError(
      "storage",
      `expected a database in a file, with a journal: its journal_mode is ${mode}`,
    );
  // FULL: the log is on the disk before a commit answers. A rollback journal must also be gone from its folder: EXTRA.
  db.exec(`PRAGMA synchronous = ${mode === "wal" ? "FULL" : "EXTRA"}`);
  // On Apple's systems, fsync() leaves data in the disk's cache. Elsewhere these do nothing.
  db.exec("PRAGMA fullfsync = ON");
  db.exec("PRAGMA checkpoint_fullfsync = ON");
  db.exec("PRAGMA secure_delete = ON");
}

export async function makeTable(db: SqliteDatabase, name: string): Promise<void> {
  // Text is compared as bytes (BINARY), and the row is where its key is: a write changes one page.
  const sql = `CREATE TABLE IF NOT EXISTS ${name} (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID`;
  await whenFree(() => void db.exec(sql));
}
