// RFC 9420 §9.2, §16.2: a client's entries in a table.
import { checkOptions, MlsError, type OptionShape } from "@copse/core/provider";
import type { ClientStorage, StorageChange, StoredEntry, VersionStep } from "@copse/core/storage";
import { failed, openFile, type SqliteDatabase } from "./database.js";
import { watchOthers } from "./others.js";
import { makeDurable, makeTable } from "./settings.js";
import { Traces } from "./traces.js";

/** The options of {@link sqliteStorage}. */
export interface SqliteStorageOptions {
  /**
   * The name of the table, which is made if it isn't there: letters, digits and `_`, at most 63. Each client needs one of
   * its own, if several are in one database. Default: `copse`.
   */
  readonly table?: string;
  /**
   * How long a call waits while another process writes, in milliseconds. The whole thread waits. Default: 5,000; for a
   * database that is given, its own setting.
   */
  readonly busyTimeout?: number;
  /**
   * How long what was replaced or deleted may stay in the database's files, in milliseconds from the write. 0: it is gone
   * when the write answers, which then takes about five times as long. Default: 1,000.
   */
  readonly tracesFor?: number;
}

/** A client's storage in SQLite, which answers at once. */
export interface SqliteStorage extends ClientStorage {
  get(key: string): Uint8Array | undefined;
  list(prefix: string): StoredEntry[];
  write(changes: readonly StorageChange[], steps: readonly VersionStep[]): boolean;
  /** Calls `listener` within a quarter of a second after another connection has written something to the database. */
  changes(listener: () => void): () => void;
  /**
   * Removes what was deleted from the files, and closes the database, unless it was given. Calls after that fail. Closing
   * twice does no harm.
   */
  close(): void;
}

const OPTIONS: OptionShape<SqliteStorageOptions> = {
  table: "string",
  busyTimeout: "number",
  tracesFor: "number",
};

/** In milliseconds: the longest that timers and SQLite take. */
const MAX_TIME = 2 ** 31 - 1;

function milliseconds(value: number, name: string): number {
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_TIME))
    throw new MlsError("usage", `${name}: expected an integer from 0 to 2^31 - 1, got ${value}`);
  return value;
}

function tableName(name: string): string {
  if (!/^[A-Za-z_]\w{0,62}$/.test(name) || /^sqlite_/i.test(name))
    throw new MlsError(
      "usage",
      `table: expected at most 63 letters, digits and _, got ${JSON.stringify(name)}`,
    );
  return `"${name}"`;
}

/**
 * A client's storage in SQLite. What it answered outlasts the process, and a loss of power. Several processes and objects
 * may have the same file open at one time.
 *
 * Uses `bun:sqlite` on Bun, `node:sqlite` where the runtime has it (Node from 22.13, Deno), otherwise the package `libsql`.
 * Each call blocks the thread while it works: a write until the disk has it.
 * @param database the path of a file, on a local disk; or a database that is open, and stays its owner's: it must be in a file, and no
 *   transaction may be open when the storage is called. Its `synchronous`, `fullfsync`, `checkpoint_fullfsync` and `secure_delete` are set
 * @throws MlsError `usage` for wrong options, `missing` where there is no SQLite, `storage` if it can't be opened
 * @example
 * const storage = await sqliteStorage("alice.db");
 * const client = await openClient({ storage, crypto: nodeProvider(), credential: "alice", authentication });
 */
export async function sqliteStorage(
  database: string | SqliteDatabase,
  options: SqliteStorageOptions = {},
): Promise<SqliteStorage> {
  const { table = "copse", busyTimeout, tracesFor = 1000 } = checkOptions(options, OPTIONS);
  const name = tableName(table);
  milliseconds(tracesFor, "tracesFor");
  if (busyTimeout !== undefined) milliseconds(busyTimeout, "busyTimeout");
  const isPath = typeof database === "string";
  if (!isPath && !(typeof database?.exec === "function" && typeof database.prepare === "function"))
    throw new MlsError(
      "usage",
      "database: expected the path of a file, or a database with exec() and prepare()",
    );
  const db = isPath ? await openFile(database) : database;
  try {
    await makeDurable(db, isPath, isPath ? (busyTimeout ?? 5000) : busyTimeout);
    await makeTable(db, name);
    const traces = new Traces(db, tracesFor);
    return new Table(db, name, isPath, traces);
  } catch (cause) {
    if (isPath) db.close();
    throw cause instanceof MlsError ? cause : failed("open the storage", cause);
  }
}

/** A row of the table. Databases give bytes in their own ways, and no bytes perhaps as null. */
interface Row {
  readonly key: string;
  readonly value: Uint8Array | ArrayBuffer | null;
}

/** The bytes as a plain Uint8Array: a Buffer's functions differ. */
function bytesOf({ value }: Row): Uint8Array {
  if (value === null) return new Uint8Array(0);
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

/** Some databases take what is neither, and libsql ends the process. */
function textOf(key: string): string {
  if (typeof key !== "string") throw new TypeError(`expected a string as the key, got ${typeof key}`);
  return key;
}

function viewOf(value: Uint8Array): Uint8Array {
  if (!ArrayBuffer.isView(value))
    throw new TypeError(`expected a Uint8Array as the value, got ${typeof value}`);
  return value;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

class Table implements SqliteStorage {
  readonly #db: SqliteDatabase;
  readonly #name: string;
  readonly #isOwn: boolean;
  readonly #traces: Traces;
  readonly #statements: Record<
    "get" | "list" | "put" | "drop" | "begin" | "commit",
    ReturnType<SqliteDatabase["prepare"]>
  >;
  readonly #watches = new Set<() => void>();
  #isClosed = false;

  constructor(db: SqliteDatabase, name: string, isOwn: boolean, traces: Traces) {
    this.#db = db;
    this.#name = name;
    this.#isOwn = isOwn;
    this.#traces = traces;
    this.#statements = {
      get: db.prepare(`SELECT key, value FROM ${name} WHERE key = ?`),
      list: db.prepare(`SELECT key, value FROM ${name} WHERE key >= ? AND key < ? ORDER BY key`),
      // Some databases bind no bytes as NULL.
      put: db.prepare(
        `INSERT INTO ${name} (key, value) VALUES (?, ifnull(?, x'')) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      ),
      drop: db.prepare(`DELETE FROM ${name} WHERE key = ?`),
      begin: db.prepare("BEGIN IMMEDIATE"),
      commit: db.prepare("COMMIT"),
    };
  }

  get = (key: string): Uint8Array | undefined => this.#do("read", () => this.#read(key));

  list = (prefix: string): StoredEntry[] =>
    this.#do("read", () => {
      // "{" follows "z", the last character of keys.
      const rows = this.#statements.list.all(textOf(prefix), `${prefix}{`) as Row[];
      return rows.map((row) => ({ key: row.key, value: bytesOf(row) }));
    });

  write = (changes: readonly StorageChange[], steps: readonly VersionStep[]): boolean => {
    const isMade = this.#do("write to", () => this.#transaction(changes, steps));
    if (isMade) this.#traces.left();
    return isMade;
  };

  changes = (listener: () => void): (() => void) =>
    this.#do("watch", () => {
      const end = watchOthers(this.#db, listener);
      this.#watches.add(end);
      return () => {
        this.#watches.delete(end);
        end();
      };
    });

  close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#watches) end();
    this.#traces.end();
    if (this.#isOwn) this.#db.close();
  };

  #transaction(changes: readonly StorageChange[], steps: readonly VersionStep[]): boolean {
    const { put, drop, begin, commit } = this.#statements;
    begin.run();
    try {
      const isCurrent = steps.every(({ key, from }) => isSame(this.#read(key), from));
      if (isCurrent) {
        for (const { key, value } of [...changes, ...steps.map(({ key, to }) => ({ key, value: to }))]) {
          if (value === undefined) drop.run(textOf(key));
          else put.run(textOf(key), viewOf(value));
        }
      }
      commit.run();
      return isCurrent;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // SQLite has done it itself, as it does when the disk is full. The first error says why.
    }
  }

  #read(key: string): Uint8Array | undefined {
    const [row] = this.#statements.get.all(textOf(key)) as Row[];
    return row && bytesOf(row);
  }

  #do<T>(what: string, work: () => T): T {
    if (this.#isClosed) throw new MlsError("storage", "the storage is closed");
    try {
      return work();
    } catch (cause) {
      throw failed(`${what} the table ${this.#name}`, cause);
    }
  }
}
