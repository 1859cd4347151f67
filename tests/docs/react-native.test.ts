// docs/react-native.md: its code runs as it stands, and its list is what an engine lacked.
import { readFile } from "node:fs/promises";
import { type Programs, programs, promised, readDocument, root } from "@copse/test-support/documents";
import { afterAll, beforeAll, expect, test } from "vitest";

const { text, blocks } = await readDocument("docs/react-native.md");
const [app] = blocks;
const rows = JSON.parse(await readFile(`${root}docs/platforms.json`, "utf8")) as {
  name: string;
  provided?: string[];
}[];

/** Not in the page: a database with such calls, which is none of a phone's, but SQLite all the same. */
const SECOND = `
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { formatStorageReport, testStorage } from "@copse/storage-conformance";
import { openStorage } from "./storage.js";

const Database = createRequire(import.meta.url)("libsql");
const folder = mkdtempSync(tmpdir() + "/copse-");
const report = await testStorage({
  name: "expo",
  open(name) {
    const db = new Database(folder + "/" + name);
    const prepareSync = (sql) => {
      const statement = db.prepare(sql);
      // Statements without rows can't be asked for them.
      const isQuery = /^(SELECT|PRAGMA)/.test(sql);
      return { executeSync: (values) => (isQuery ? { getAllSync: () => statement.all(values) } : (statement.run(values), { getAllSync: () => [] })) };
    };
    return openStorage({ execSync: (sql) => void db.exec(sql), prepareSync, closeSync: () => db.close() });
  },
});
console.log(formatStorageReport(report));
rmSync(folder, { recursive: true });
`;

let code: Programs;

beforeAll(async () => {
  code = await programs({
    ...Object.fromEntries(blocks.map((block) => [block.file, block.code])),
    "second.ts": SECOND,
  });
});

afterAll(() => code.remove());

test("the page's code compiles and prints what it says", async () => {
  expect(blocks.map(({ file }) => file)).toEqual(["app.ts", "storage.ts"]);
  expect((await code.errors()).filter((line) => !line.includes("second.ts"))).toEqual([]);
  expect(promised(app?.code ?? "")).toEqual(["hello"]);
  expect(await code.printed("app.ts")).toEqual(["hello"]);
});

test("the page's storage passes all checks over a SQLite with such calls", async () => {
  expect((await code.printed("second.ts"))[0]).toMatch(/^expo: \d+ passed, 0 failed$/);
});

test("the page lists what Hermes lacked when it was last run, and nothing else", () => {
  const lacking = [...text.matchAll(/^\| (.*) \|.*\| \*\*no\*\* \|$/gm)].flatMap(([, names]) =>
    [...(names as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const { provided = [] } = rows.find(({ name }) => name === "hermes") ?? {};
  expect(lacking.sort()).toEqual([...provided].sort());
  expect(lacking.length).toBeGreaterThan(3);
});
