// Databases as applications open them, and what is left in their files.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import type { SqliteDatabase } from "@copse/storage-sqlite";

/** By libsql, which all versions of Node have here. */
export function openDatabase(path: string): SqliteDatabase {
  const Database = createRequire(import.meta.url)("libsql") as new (path: string) => SqliteDatabase;
  return new Database(path);
}

/**
 * The files of a database as they are on the disk, read by another process: if this one closed such a file, SQLite's locks on it
 * would end.
 */
export function bytesOnDisk(path: string): Buffer {
  const files = ["", "-wal", "-shm", "-journal"].map((end) => path + end).filter((file) => existsSync(file));
  return execFileSync("cat", files, { maxBuffer: 2 ** 28 });
}
