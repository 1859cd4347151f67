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

let code: Programs;

beforeAll(async () => {
  code = await programs({ "app.ts": app?.code ?? "" });
});

afterAll(() => code.remove());

test("the page's code compiles and prints what it says", async () => {
  expect(blocks.map(({ file }) => file)).toEqual(["app.ts"]);
  expect(await code.errors()).toEqual([]);
  expect(promised(app?.code ?? "")).toEqual(["hello"]);
  expect(await code.printed("app.ts")).toEqual(["hello"]);
});

test("the page lists what Hermes lacked when it was last run, and nothing else", () => {
  const lacking = [...text.matchAll(/^\| (.*) \|.*\| \*\*no\*\* \|$/gm)].flatMap(([, names]) =>
    [...(names as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  const { provided = [] } = rows.find(({ name }) => name === "hermes") ?? {};
  expect(lacking.sort()).toEqual([...provided].sort());
  expect(lacking.length).toBeGreaterThan(3);
});
