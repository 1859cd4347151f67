// What the application sees: settings that make writes safe, its own database, openers, and errors.
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insecureAcceptAll, MlsError } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type SqliteDatabase, sqliteStorage } from "@copse/storage-sqlite";
import { code, failure } from "@copse/test-support/errors";
import { afterAll, describe, expect, it } from "vitest";
import { openDatabase } from "./databases.js";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.db`);

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const put = (key: string, text: string) => [{ key, value: bytes(text) }];
const step = (from: string | undefined, to: string) => [
  { key: "version", from: from === undefined ? undefined : bytes(from), to: bytes(to) },
];

const pragma = (db: SqliteDatabase, name: string) =>
  Object.values((db.prepare(`PRAGMA ${name}`).all() as object[])[0] as object)[0];

describe("a file", () => {
  it("has a client again after a restart", async () => {
    const path = newPath();
    const common = { crypto: nodeProvider(), credential: "alice", authentication: insecureAcceptAll() };
    const storage = await sqliteStorage(path);
    const alice = await openClient({ storage, suite: 1, ...common });
    const { groupId } = await alice.createGroup();
    const { reference } = await alice.readKeyPackage(await alice.createKeyPackage());
    storage.close();
    const again = await sqliteStorage(path);
    const next = await openClient({ storage: again, ...common });
    expect(next.knownGroups()).toMatchObject([{ groupId, status: "active" }]);
    expect(next.keyPackages()).toMatchObject([{ reference }]);
    again.close();
  });

  it("is its user's alone, as are those that SQLite puts beside it", async () => {
    const path = newPath();
    const storage = await sqliteStorage(path);
    await storage.write(put("a", "1"), []);
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      expect(statSync(file).mode & 0o077, file).toBe(0);
    storage.close();
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
    expect(log?.size ?? 0, "the log is gone, or empty").toBe(0);
  });

  it("has write-ahead logging, one table, and keys in the order of bytes", async () => {
    const path = newPath();
    const storage = await sqliteStorage(path);
    await storage.write([...put("b/z", "1"), ...put("b-", "1"), ...put("b0", "1")], []);
    const db = openDatabase(path);
    expect(pragma(db, "journal_mode")).toBe("wal");
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()).toMatchObject([
      { name: "copse" },
    ]);
    expect(db.prepare("SELECT key FROM copse ORDER BY key").all()).toMatchObject([
      { key: "b-" },
      { key: "b/z" },
      { key: "b0" },
    ]);
    expect(storage.list("b").map(({ key }) => key)).toEqual(["b-", "b/z", "b0"]);
    db.close();
    storage.close();
  });

  it("hands out plain arrays, which are their receiver's", async () => {
    const storage = await sqliteStorage(newPath());
    await storage.write([...put("a", "one"), { key: "none", value: new Uint8Array(0) }], []);
    const value = storage.get("a") as Uint8Array;
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    value.slice().fill(0);
    expect(Buffer.from(value).toString()).toBe("one");
    expect(storage.get("none")).toEqual(new Uint8Array(0));
    storage.close();
  });
});

describe("a database of the application's", () => {
  it("keeps its tables, its journal and its connection, and is made safe", async () => {
    const db = openDatabase(newPath());
    db.exec("CREATE TABLE notes (text)");
    db.exec("PRAGMA synchronous = OFF");
    db.exec("PRAGMA busy_timeout = 1234");
    const storage = await sqliteStorage(db, { table: "Mls_1" });
    await storage.write(put("a", "1"), step(undefined, "1"));
    expect(pragma(db, "journal_mode")).toBe("delete");
    expect(pragma(db, "synchronous"), "EXTRA").toBe(3);
    expect(pragma(db, "secure_delete")).toBe(1);
    expect(pragma(db, "busy_timeout")).toBe(1234);
    storage.close();
    expect(() => storage.get("a")).toThrow("closed");
    expect(db.prepare('SELECT key FROM "Mls_1" ORDER BY key').all()).toMatchObject([
      { key: "a" },
      { key: "version" },
    ]);
    expect(db.prepare("SELECT * FROM notes").all()).toEqual([]);
    db.close();
  });

  it("is written with fsync at each commit, if it has write-ahead logging", async () => {
    const db = openDatabase(newPath());
    db.exec("PRAGMA journal_mode = WAL");
    db.exec("PRAGMA synchronous = NORMAL");
    const storage = await sqliteStorage(db);
    expect(pragma(db, "synchronous"), "FULL").toBe(2);
    storage.close();
    db.close();
  });

  it("may have several clients, each with a table", async () => {
    const db = openDatabase(newPath());
    const [one, two] = [await sqliteStorage(db, { table: "one" }), await sqliteStorage(db, { table: "two" })];
    await one.write(put("a", "1"), step(undefined, "1"));
    expect(two.list("")).toEqual([]);
    expect(two.write(put("a", "2"), step("1", "2"))).toBe(false);
    db.close();
  });

  it("in memory, or without a journal, is refused: it would lose what it answered", async () => {
    const memory = openDatabase(":memory:");
    expect(await failure(sqliteStorage(memory))).toMatchObject({
      code: "storage",
      message: expect.stringContaining("memory"),
    });
    const db = openDatabase(newPath());
    db.exec("PRAGMA journal_mode = OFF");
    expect(await failure(sqliteStorage(db))).toMatchObject({
      code: "storage",
      message: expect.stringContaining("off"),
    });
    db.close();
    memory.close();
  });

  it("with a transaction that is open is told so, and keeps the transaction", async () => {
    const db = openDatabase(newPath());
    db.exec("CREATE TABLE notes (text)");
    const storage = await sqliteStorage(db);
    db.exec("BEGIN");
    db.exec("INSERT INTO notes VALUES ('kept')");
    expect(() => storage.write(put("a", "1"), [])).toThrow("transaction");
    db.exec("COMMIT");
    expect(db.prepare("SELECT * FROM notes").all()).toMatchObject([{ text: "kept" }]);
    expect(storage.get("a")).toBeUndefined();
    db.close();
  });
});

describe("openers", () => {
  it("a write waits for another opener's transaction, and fails in the end, without a trace", async () => {
    const path = newPath();
    const storage = await sqliteStorage(path, { busyTimeout: 50 });
    const other = openDatabase(path);
    other.exec("BEGIN IMMEDIATE");
    const before = performance.now();
    expect(await failure(async () => storage.write(put("a", "1"), []))).toMatchObject({
      code: "storage",
      message: expect.stringContaining("locked"),
      cause: expect.anything(),
    });
    expect(performance.now() - before).toBeGreaterThan(40);
    expect(storage.get("a"), "readers don't wait").toBeUndefined();
    other.exec("COMMIT");
    expect(storage.write(put("a", "1"), [])).toBe(true);
    other.close();
    storage.close();
  });

  it("a new file can be opened by several at once", async () => {
    const path = newPath();
    const all = await Promise.all(Array.from({ length: 5 }, () => sqliteStorage(path)));
    await all[0]?.write(put("a", "1"), step(undefined, "1"));
    expect(all.map((one) => Buffer.from(one.get("a") ?? []).toString())).toEqual(Array(5).fill("1"));
    for (const one of all) one.close();
  });

  it("are told of each other's writes, not of their own, until they have had enough", async () => {
    const path = newPath();
    const [one, two] = [await sqliteStorage(path), await sqliteStorage(path)];
    let told = 0;
    const soon = () => new Promise((resolve) => setTimeout(resolve, 600));
    const end = one.changes(() => told++);
    await one.write(put("a", "1"), []);
    await soon();
    expect(told).toBe(0);
    await two.write(put("a", "2"), []);
    await soon();
    expect(told).toBe(1);
    end();
    one.changes(() => told++);
    one.close();
    await two.write(put("a", "3"), []);
    await soon();
    expect(told).toBe(1);
    expect(() => one.changes(() => undefined)).toThrow("closed");
    two.close();
  });

  it("that are clients hear of each other's groups", async () => {
    const path = newPath();
    const common = {
      crypto: nodeProvider(),
      suite: 1,
      credential: "alice",
      authentication: insecureAcceptAll(),
    };
    const storages = [await sqliteStorage(path), await sqliteStorage(path)] as const;
    const [one, two] = [
      await openClient({ storage: storages[0], ...common }),
      await openClient({ storage: storages[1], ...common }),
    ];
    const heard = new Promise<void>((resolve) => one.watch(resolve));
    const { groupId } = await two.createGroup();
    await heard;
    expect(one.knownGroups()).toMatchObject([{ groupId }]);
    for (const storage of storages) storage.close();
  });

  it("a write that fails half-way has changed nothing, and the next is made", async () => {
    const db = openDatabase(newPath());
    const storage = await sqliteStorage(db);
    const wrong = [...put("a", "1"), { key: "b", value: {} as Uint8Array }];
    expect(() => storage.write(wrong, step(undefined, "1"))).toThrow(MlsError);
    expect(storage.list("")).toEqual([]);
    expect(storage.write(put("a", "1"), step(undefined, "1"))).toBe(true);
    db.close();
  });
});

describe("errors", () => {
  it.each([
    [{ table: "a b" }, "table"],
    [{ table: "" }, "table"],
    [{ table: 'x"; DROP TABLE y; --' }, "table"],
    [{ table: "sqlite_master" }, "table"],
    [{ table: "x".repeat(64) }, "table"],
    [{ busyTimeout: -1 }, "busyTimeout"],
    [{ busyTimeout: 1.5 }, "busyTimeout"],
    [{ tracesFor: Number.NaN }, "tracesFor"],
    [{ tracesFor: 2 ** 31 }, "tracesFor"],
    [{ tracesFor: "1" }, "tracesFor"],
    [{ path: "x" }, "path"],
  ])("options %j are refused", async (options, name) => {
    const error = await failure(sqliteStorage(newPath(), options as object));
    expect(error).toMatchObject({ code: "usage", message: expect.stringContaining(name) });
  });

  it.each([[""], [":memory:"], ["a\0b"], [undefined], [null], [{}], [1], [{ exec() {} }]])(
    "%j isn't a database",
    async (database) => {
      expect(await failure(sqliteStorage(database as string))).toEqual(code("usage"));
    },
  );

  it("say what couldn't be done, where, and why", async () => {
    const missing = join(folder, "nowhere", "x.db");
    expect(await failure(sqliteStorage(missing))).toMatchObject({
      code: "storage",
      message: expect.stringMatching(/couldn't make the database .*nowhere.*ENOENT/),
      cause: expect.anything(),
    });
    const other = newPath();
    writeFileSync(other, "this is no database. ".repeat(100));
    expect(await failure(sqliteStorage(other))).toMatchObject({
      code: "storage",
      message: expect.stringMatching(/not a database/),
    });
  });

  it("a table of another shape is told", async () => {
    const db = openDatabase(newPath());
    db.exec("CREATE TABLE copse (id INTEGER)");
    expect(await failure(sqliteStorage(db))).toMatchObject({
      code: "storage",
      message: expect.stringContaining("key"),
    });
    db.close();
  });

  it("what is neither a key nor bytes is refused, and changes nothing", async () => {
    const storage = await sqliteStorage(newPath());
    await storage.write(put("a", "1"), []);
    const wrong = { key: 5, text: "text", none: null, plain: {} } as never as Record<string, never>;
    for (const call of [
      () => storage.get(wrong.key as never),
      () => storage.get(wrong.plain as never),
      () => storage.list(undefined as never),
      () => storage.write([{ key: wrong.plain as never, value: bytes("1") }], []),
      () => storage.write([...put("a", "2"), { key: "b", value: wrong.text as never }], []),
      () => storage.write([...put("a", "2"), { key: "b", value: wrong.none as never }], []),
      () => storage.write(put("a", "2"), [{ key: wrong.key as never, from: undefined, to: bytes("1") }]),
      () => storage.write(undefined as never, undefined as never),
    ])
      expect(call).toThrow(MlsError);
    expect(storage.list("")).toEqual([{ key: "a", value: bytes("1") }]);
    storage.close();
  });

  it("closing twice does no harm, and calls after it say so", async () => {
    const storage = await sqliteStorage(newPath());
    storage.close();
    storage.close();
    for (const call of [() => storage.get("a"), () => storage.list(""), () => storage.write([], [])])
      expect(call).toThrow("the storage is closed");
  });
});
