// For other packages that keep something in a file of SQLite: one that is opened where the runtime has SQLite, and is durable.
export { openFile, type SqliteDatabase, type SqliteStatement, type SqliteValue } from "./database.js";
export { makeDurable } from "./settings.js";
