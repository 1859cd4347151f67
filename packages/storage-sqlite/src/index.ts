// RFC 9420 §16.2: the state of a client in SQLite, by whatever SQLite the runtime has.
export type { SqliteDatabase, SqliteStatement, SqliteValue } from "./database.js";
export { type SqliteStorage, type SqliteStorageOptions, sqliteStorage } from "./storage.js";
