// The storage passes all checks: with a file for each client, and with a table for each in a database that is given.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checksForStorage } from "@copse/storage-conformance";
import { type SqliteStorage, sqliteStorage } from "@copse/storage-sqlite";
import { afterAll, describe, it } from "vitest";
import { openDatabase } from "./databases.js";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

const close = (storage: unknown) => (storage as SqliteStorage).close();

describe("a file for each client passes:", () => {
  const checks = checksForStorage({
    name: "sqlite",
    open: (name) => sqliteStorage(join(folder, name)),
    close,
  });
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});

describe("a table for each client in the application's database passes:", () => {
  const checks = checksForStorage({
    name: "tables",
    open: (name) => sqliteStorage(openDatabase(join(folder, "app")), { table: name, tracesFor: 0 }),
    close,
  });
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});
