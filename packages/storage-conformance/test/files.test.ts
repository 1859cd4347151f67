// The reference in files: it passes the checks, several processes can have it, and it tidies up.
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientStorage } from "@copse/core/storage";
import { checksForStorage } from "@copse/storage-conformance";
import { fileStorage } from "@copse/storage-conformance/file";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "copse-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a storage in files passes:", () => {
  const checks = checksForStorage({ name: "files", open: (name) => fileStorage(join(folder, name)) });
  it.each(checks.map((check) => [check.name, check] as const))("%s", (_, check) => check.run());
});

const value = (text: string) => new Uint8Array(Buffer.from(text));
const text = async (storage: ClientStorage, key: string) =>
  Buffer.from((await storage.get(key)) ?? []).toString();
const numbers = (directory: string) =>
  readdirSync(directory)
    .map(Number)
    .sort((a, b) => a - b);

describe("a storage in files", () => {
  it("keeps the newest file alone, and so many empty ones as protect its number", async () => {
    const directory = join(folder, "many");
    const storage = fileStorage(directory);
    for (let i = 1; i <= 150; i++) await storage.write([{ key: "a", value: value(`${i}`) }], []);
    const left = numbers(directory);
    expect(left).toEqual(Array.from({ length: 100 }, (_, i) => i + 51));
    expect(left.filter((one) => statSync(join(directory, `${one}`)).size > 0)).toEqual([150]);
    expect(await text(storage, "a")).toBe("150");
  });

  it("removes what a process left that was killed", async () => {
    const directory = join(folder, "killed");
    const storage = fileStorage(directory);
    await storage.write([{ key: "a", value: value("old secret") }], []);
    await storage.write([{ key: "a", value: value("new") }], []);
    writeFileSync(join(directory, "1"), '[["a","b2xk"]]');
    writeFileSync(join(directory, "new-4194305-1-1"), '[["a","b2xk"]]'); // no process has such a number
    writeFileSync(join(directory, `new-${process.pid}-1-1`), "of one that runs");
    expect(await text(fileStorage(directory), "a")).toBe("new");
    expect(readdirSync(directory).sort()).toEqual(["1", "2", `new-${process.pid}-1-1`]);
    expect(statSync(join(directory, "1")).size).toBe(0);
  });

  it("says that a writer slept too long to know, instead of answering", async () => {
    const directory = join(folder, "slept");
    const storage = fileStorage(directory);
    await storage.write([{ key: "a", value: value("1") }], []);
    // What others do between its reading and its writing.
    const changes = [
      {
        key: "a",
        get value() {
          rmSync(join(directory, "1"), { force: true });
          for (let i = 60; i < 160; i++) writeFileSync(join(directory, `${i}`), i === 159 ? "[]" : "");
          return value("2");
        },
      },
    ];
    expect(() => storage.write(changes, [])).toThrow("slept");
    expect(await fileStorage(directory).get("a")).toBeUndefined();
  });

  it("refuses a file that isn't whole", async () => {
    const directory = join(folder, "damaged");
    const storage = fileStorage(directory);
    await storage.write([{ key: "a", value: value("1") }], []);
    truncateSync(join(directory, "1"), 5);
    expect(() => storage.get("a")).toThrow("isn't whole");
  });

  it("is its user's alone", () => {
    const directory = join(folder, "private");
    const storage = fileStorage(directory);
    void storage.write([{ key: "a", value: value("1") }], []);
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(statSync(join(directory, "1")).mode & 0o077).toBe(0);
  });
});
