// What this package uses of SQLite, and where a runtime has it. All of them answer at once, and share these calls.
import { MlsError } from "@copse/core/provider";

/** What SQLite binds to a statement. */
export type SqliteValue = string | number | Uint8Array | null;

/** A statement of a {@link SqliteDatabase}. */
export interface SqliteStatement {
  /** Runs it, and drops its rows. */
  run(...values: SqliteValue[]): unknown;
  /** Its rows, as objects with the names of the columns. */
  all(...values: SqliteValue[]): unknown[];
}

/**
 * A database that is open: a `DatabaseSync` of `node:sqlite`, a `Database` of `bun:sqlite`, `libsql` or `better-sqlite3`, or
 * another with these three functions, which answer at once.
 */
export interface SqliteDatabase {
  /** Runs statements that have no values. */
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): unknown;
}

type DatabaseClass = new (path: string) => SqliteDatabase;

/** A module that has SQLite, and the name of its class of databases. */
interface DatabaseModule {
  readonly name: string;
  readonly exported: string;
}

const BUN: DatabaseModule = { name: "bun:sqlite", exported: "Database" };
const NODE: DatabaseModule = { name: "node:sqlite", exported: "DatabaseSync" };
const LIBSQL: DatabaseModule = { name: "libsql", exported: "default" };

// The name is in a variable, so that compilers and bundlers don't resolve it.
async function load({ name, exported }: DatabaseModule): Promise<DatabaseClass> {
  const module = (await import(/* @vite-ignore */ name)) as Record<string, DatabaseClass>;
  return module[exported] as DatabaseClass;
}

/** The runtime's own SQLite, or else libsql. @throws MlsError `missing` */
export async function databaseModule(): Promise<{ name: string; Database: DatabaseClass }> {
  const reasons: unknown[] = [];
  for (const one of "Bun" in globalThis ? [BUN] : [NODE, LIBSQL]) {
    try {
      return { name: one.name, Database: await load(one) };
    } catch (error) {
      reasons.push(error);
    }
  }
  throw new MlsError(
    "missing",
    "there is no SQLite here: expected node:sqlite (Node from 22.13, Deno), bun:sqlite, or libsql (npm install libsql)",
    { cause: new AggregateError(reasons) },
  );
}

/**
 * Opens a file. One that isn't there is made, for its user alone.
 * @throws MlsError `missing` where there is no SQLite, `usage` for what isn't a file's path, `storage`
 */
export async function openFile(path: string): Promise<SqliteDatabase> {
  if (path === "" || path === ":memory:" || path.includes("\0"))
    throw new MlsError("usage", `expected the path of a file, got ${JSON.stringify(path)}`);
  const { Database } = await databaseModule();
  // Not imported: where a database is given, there may be no such modules.
  const { closeSync, openSync } = process.getBuiltinModule("node:fs");
  // An absolute path can't be taken for a URL.
  const file = process.getBuiltinModule("node:path").resolve(path);
  try {
    // SQLite would make it readable for all. Only a new file is opened here: to close one would end SQLite's locks on it.
    closeSync(openSync(file, "wx", 0o600));
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "EEXIST") throw failed(`make the database ${file}`, cause);
  }
  try {
    return new Database(file);
  } catch (cause) {
    throw failed(`open the database ${file}`, cause);
  }
}

/** The error of something that SQLite couldn't do. Its messages have no values. */
export function failed(what: string, cause: unknown): MlsError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MlsError("storage", `couldn't ${what}: ${reason}`, { cause });
}
