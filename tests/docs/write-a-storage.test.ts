// docs/write-a-storage.md: its storage compiles as its text stands, and passes all checks on a real server.
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { promised, readDocument, root } from "@copse/test-support/documents";
import { guideOnPostgres } from "@copse/test-support/guides";
import { describe, expect, test } from "vitest";

const PATH = "docs/write-a-storage.md";
const { text, blocks } = await readDocument(PATH);
const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));

/** Not in the guide: faults in the storage, to see that its checks look at it; and two pools at once. */
const SECOND = `
import { checksForStorage, testStorage } from "@copse/storage-conformance";
import pg from "pg";
import { postgresStorage, SCHEMA } from "./storage.js";

const [pool, other] = [new pg.Pool(), new pg.Pool()];
await pool.query(SCHEMA);
let opened = 0;
const open = (name) => postgresStorage(opened++ % 2 === 0 ? pool : other, "two pools " + name);
const report = await testStorage({ name: "two pools", open });
console.log(report.failed, report.passed === checksForStorage({ name: "", open }).length);

// Without COLLATE "C" the order would be that of the server's language.
await pool.query('ALTER TABLE copse ALTER COLUMN key TYPE text COLLATE "default"');
const inOrderOfLanguage = await testStorage({ name: "language", open: (name) => postgresStorage(pool, "language " + name) });
console.log(inOrderOfLanguage.checks.filter(({ outcome }) => outcome === "failed").map(({ name }) => name.split(":")[0]).includes("lists"));
await Promise.all([pool.end(), other.end()]);
`;

const code = guideOnPostgres({ ...files, "second.ts": SECOND });

test("the guide's code is these files, and compiles", async () => {
  expect(Object.keys(files)).toEqual(["storage.ts", "check.ts", "client.ts"]);
  expect((await code.errors()).filter((line) => !line.includes("second.ts"))).toEqual([]);
});

test("the storage is of about a page", () => {
  expect(files["storage.ts"]?.split("\n").length).toBeLessThan(100);
});

describe.skipIf(!code.hasServer)("on PostgreSQL (not tested where /usr/lib/postgresql isn't there)", () => {
  test("it passes all checks", async () => {
    const lines = await code.printed("check.ts");
    expect(lines[0]).toMatch(/^postgres: \d+ passed, 0 failed$/);
    expect(lines.slice(1)).toEqual(promised(files["check.ts"] as string));
  });

  test("a client has its groups again", async () => {
    expect(promised(files["client.ts"] as string)).toHaveLength(1);
    expect(await code.printed("client.ts")).toEqual(promised(files["client.ts"] as string));
  });

  test("openers with connections of their own pass too, and the order needs its collation", async () => {
    expect(await code.printed("second.ts")).toEqual(["0 true", "true"]);
  });
});

test("the guide links to files that are there", async () => {
  for (const [, target] of text.matchAll(/\]\((?!https:|#)([^)#]+)(?:#[^)]*)?\)/g))
    await expect(access(`${root}${dirname(PATH)}/${target}`), target).resolves.toBeUndefined();
});
