// RFC 9420 §9.2: what was replaced or deleted isn't found in the files.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SqliteStorage, sqliteStorage } from "@copse/storage-sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { bytesOnDisk, openDatabase } from "./databases.js";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SIZE = 16;

/** Random bytes, whose every part of 16 is looked for. */
class Secrets {
  readonly #parts = new Map<string, string>();

  of(length: number): Uint8Array {
    const bytes = randomBytes(length);
    return new Uint8Array(bytes);
  }

  /** Remembers a value that is gone. */
  gone(value: Uint8Array): void {
    for (let at = 0; at + SIZE <= value.length; at += SIZE) {
      const part = Buffer.from(value.subarray(at, at + SIZE)).toString("latin1");
      this.#parts.set(part, `byte ${at} of ${value.length}`);
    }
  }

  get size(): number {
    return this.#parts.size;
  }

  /** Which of them are in the files, whatever place they begin at. */
  in(files: Buffer): string[] {
    const text = files.toString("latin1");
    const found: string[] = [];
    for (let at = 0; at + SIZE <= text.length; at++) {
      const part = this.#parts.get(text.slice(at, at + SIZE));
      if (part !== undefined) found.push(part);
    }
    return found;
  }
}

/** A client's life: entries of all sizes that are replaced, grow, shrink and go. */
async function live(storage: SqliteStorage, secrets: Secrets, steps: number): Promise<void> {
  const there = new Map<string, Uint8Array>();
  const sizes = [16, 90, 90, 90, 300, 300, 1000, 4000, 9000];
  for (let i = 0; i < steps; i++) {
    const changes = Array.from({ length: 1 + (i % 4) }, (_, j) => {
      const key = `group/${(i * 7 + j * 13) % 60}/secrets`;
      const isDropped = (i + j) % 5 === 0;
      return { key, value: isDropped ? undefined : secrets.of(sizes[(i * 5 + j) % sizes.length] as number) };
    });
    const different = [...new Map(changes.map((change) => [change.key, change])).values()];
    await storage.write(different, []);
    for (const { key, value } of different) {
      const old = there.get(key);
      if (old !== undefined) secrets.gone(old);
      if (value === undefined) there.delete(key);
      else there.set(key, value);
    }
  }
}

describe("of what was replaced or deleted, nothing is in the files", () => {
  it("when the storage is closed", async () => {
    const path = join(folder, "closed");
    const [storage, secrets] = [await sqliteStorage(path), new Secrets()];
    await live(storage, secrets, 600);
    storage.close();
    expect(secrets.size).toBeGreaterThan(5000);
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
  });

  it("a second after it was written", async () => {
    const path = join(folder, "later");
    const [storage, secrets] = [await sqliteStorage(path, { tracesFor: 50 }), new Secrets()];
    await live(storage, secrets, 100);
    expect(secrets.in(bytesOnDisk(path)), "there is something to remove").not.toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
    storage.close();
  });

  it("at once, if so chosen", async () => {
    const path = join(folder, "at-once");
    const [storage, secrets] = [await sqliteStorage(path, { tracesFor: 0 }), new Secrets()];
    await live(storage, secrets, 100);
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
    storage.close();
  });

  it("of a process that was killed, when the next opens the storage", async () => {
    const path = join(folder, "killed");
    const [left, secrets] = [await sqliteStorage(path, { tracesFor: 2 ** 31 - 1 }), new Secrets()];
    await live(left, secrets, 100);
    const next = await sqliteStorage(path);
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
    next.close();
    left.close();
  });

  it("later, if another opener was reading", async () => {
    const path = join(folder, "read");
    const [storage, secrets] = [await sqliteStorage(path, { tracesFor: 0 }), new Secrets()];
    const reader = openDatabase(path);
    await live(storage, secrets, 10);
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM copse").all();
    await live(storage, secrets, 10);
    expect(secrets.in(bytesOnDisk(path))).not.toEqual([]);
    reader.exec("COMMIT");
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
    reader.close();
    storage.close();
  });

  it("in a database with a rollback journal that the application gave", async () => {
    const path = join(folder, "journal");
    const db = openDatabase(path);
    const [storage, secrets] = [await sqliteStorage(db, { table: "mls" }), new Secrets()];
    await live(storage, secrets, 100);
    expect(secrets.in(bytesOnDisk(path))).toEqual([]);
    storage.close();
    db.close();
  });
});

it("without secure_delete they would be found", async () => {
  const path = join(folder, "insecure");
  const db = openDatabase(path);
  const [storage, secrets] = [await sqliteStorage(db), new Secrets()];
  db.exec("PRAGMA secure_delete = OFF");
  await live(storage, secrets, 100);
  storage.close();
  db.close();
  expect(secrets.in(bytesOnDisk(path))).not.toEqual([]);
});
