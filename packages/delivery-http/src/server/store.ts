// The service's database. Calls that come at about the same time share one write to the disk.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "@copse/core";
import { MlsError } from "@copse/core/provider";
import { DeliveryError } from "@copse/delivery/service";
import {
  makeDurable,
  openFile,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteValue,
} from "@copse/storage-sqlite/file";
import type { DeliveryCounters } from "./counters.js";
import { SCHEMA, VERSION } from "./schema.js";

interface Job {
  readonly work: () => unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A further value for `AND ?`: libsql takes a byte string that is the only value for an object of named ones. */
export const ALWAYS = 1;

/** @throws DeliveryError `invalid` */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const isFile = code === "EEXIST" || code === "ENOTDIR";
    const what = isFile ? "a folder, got a file, or one below it:" : "a folder that can be made, got";
    throw new DeliveryError("invalid", `data: expected ${what} ${folder} (${code})`, { cause });
  }
}

const notOurs = (file: string, cause: unknown) =>
  new MlsError(
    "storage",
    `data: expected a database of this service, got ${file}: ${cause instanceof Error ? cause.message : cause}`,
    { cause },
  );

export class Store {
  readonly #db: SqliteDatabase;
  /** Held as long as the service runs: what it knows in memory must be so. */
  readonly #lock: SqliteDatabase;
  readonly #counters: DeliveryCounters;
  readonly #statements = new Map<string, SqliteStatement>();
  #jobs: Job[] = [];
  #isClosed = false;

  private constructor(db: SqliteDatabase, lock: SqliteDatabase, counters: DeliveryCounters) {
    this.#db = db;
    this.#lock = lock;
    this.#counters = counters;
  }

  /**
   * Makes the folder, if it isn't there.
   * @throws DeliveryError `invalid` if that can't be; MlsError `storage` if another service has it, or it has other databases
   */
  static async open(folder: string, counters: DeliveryCounters): Promise<Store> {
    makeFolder(folder);
    const [lockFile, file] = [join(folder, "lock.db"), join(folder, "delivery.db")];
    const lock = await openFile(lockFile);
    try {
      // The system ends it with the process, however that ends.
      lock.exec("BEGIN EXCLUSIVE");
    } catch (cause) {
      lock.close();
      if (!/locked|busy/i.test(String(cause))) throw notOurs(lockFile, cause);
      throw new MlsError("storage", `data: another service has the folder ${folder}`, { cause });
    }
    const db = await openFile(file);
    try {
      await makeDurable(db, true, undefined);
      db.exec("PRAGMA foreign_keys = ON");
      db.exec("BEGIN IMMEDIATE");
      const [row] = db.prepare("PRAGMA user_version").all() as { user_version: number }[];
      if (row?.user_version === 0) db.exec(`${SCHEMA} PRAGMA user_version = ${VERSION};`);
      db.exec("COMMIT");
      if (row && row.user_version !== 0 && row.user_version !== VERSION)
        throw new Error(`its version is ${row.user_version}, and not ${VERSION}`);
      return new Store(db, lock, counters);
    } catch (error) {
      db.close();
      lock.exec("ROLLBACK");
      lock.close();
      throw notOurs(file, error);
    }
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** The rows of a query. Its columns have the names of the properties. */
  all<Row>(sql: string, ...values: SqliteValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  one<Row>(sql: string, ...values: SqliteValue[]): Row | undefined {
    return this.all<Row>(sql, ...values)[0];
  }

  run(sql: string, ...values: SqliteValue[]): void {
    this.#statement(sql).run(...values);
  }

  /**
   * Does something in a transaction, and resolves when the disk has it. What comes until then shares the transaction, in
   * its order: so `work` must throw a DeliveryError before it changes anything, or not at all, and may be called again.
   */
  write<T>(work: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new DeliveryError("unavailable", "the service is closing"));
    return new Promise<T>((resolve, reject) => {
      if (this.#jobs.length === 0) setImmediate(() => this.#flush());
      this.#jobs.push({ work, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  #flush(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length === 0) return;
    try {
      this.#transaction(jobs);
    } catch {
      // One of them, or the disk: each again alone, so that it harms no other.
      for (const job of jobs) {
        try {
          this.#transaction([job]);
        } catch (reason) {
          job.reject(reason);
        }
      }
    }
  }

  #transaction(jobs: readonly Job[]): void {
    const answers: (() => void)[] = [];
    this.run("BEGIN IMMEDIATE");
    try {
      for (const job of jobs) {
        try {
          const value = job.work();
          answers.push(() => job.resolve(value));
        } catch (error) {
          if (!(error instanceof DeliveryError)) throw error;
          answers.push(() => job.reject(error));
        }
      }
      this.run("COMMIT");
    } catch (error) {
      try {
        this.#db.exec("ROLLBACK");
      } catch {
        // SQLite has done it itself, as it does when the disk is full.
      }
      throw error;
    }
    this.#counters.writes += 1;
    for (const answer of answers) answer();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#db.close();
    this.#lock.exec("ROLLBACK");
    this.#lock.close();
  }
}

/** Bytes of a row. Databases give them in their own ways. */
export function bytesOf(value: Uint8Array | ArrayBuffer | null): Bytes {
  if (value === null) return new Uint8Array(0);
  if (!ArrayBuffer.isView(value)) return new Uint8Array(value);
  return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
}

/** How a row has bytes. */
export type Blob = Uint8Array | ArrayBuffer | null;
