// docs/write-a-provider.md: its provider compiles as its text stands, and passes every check that it claims.
import { access, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Programs, programs, promised, readDocument, root, run } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PATH = "docs/write-a-provider.md";
const { text, blocks } = await readDocument(PATH);

/** The blocks of one file are one program. */
const files: Record<string, string> = {};
for (const { file, code } of blocks) files[file] = [files[file], code].filter(Boolean).join("\n");

/** Not in the guide: whether its provider agrees with another one, which the other runs don't ask. */
const second = `
import { testProvider } from "@copse/provider-conformance";
import { nodeProvider } from "@copse/provider-node";
import { composeProvider, strictSignature } from "@copse/provider-kit";
import { nobleSignature } from "./noble.js";
import { stablelibProvider } from "./provider.js";

const signature = strictSignature(nobleSignature);
const mixed = composeProvider({ ...stablelibProvider().suite(3), name: "mixed", signature });
const signatures = await testProvider(mixed, { areas: ["signature", "verdicts"] });
console.log(signatures.passed > 10, signatures.failed);

const report = await testProvider(stablelibProvider(), { second: nodeProvider(), areas: ["agreement"] });
console.log(report.passed > 5, stablelibProvider().suites.map(({ id }) => id));
console.log(report.checks.filter(({ outcome }) => outcome === "failed"));
`;

let code: Programs;

beforeAll(async () => {
  code = await programs({ ...files, "second.ts": second });
});

afterAll(() => code.remove());

describe("the guide's code", () => {
  test("is these files", () => {
    const names = ["provider.ts", "noble.ts", "check.ts", "provider.test.ts", "group.ts", "part.ts"];
    expect(Object.keys(files)).toEqual(names);
  });

  test("compiles", async () => {
    expect(await code.errors()).toEqual([]);
  });

  test("is a provider of about a page", () => {
    expect(files["provider.ts"]?.split("\n").length).toBeLessThan(150);
  });

  test("passes the kit's checks without a runner", async () => {
    const lines = await code.printed("check.ts");
    expect(lines.at(-1)).toBe("0 failed");
    expect(promised(files["check.ts"] as string)).toEqual(["0 failed"]);
    expect(lines.at(-2)).toMatch(/^stablelib: \d+ passed, 0 failed, \d+ skipped$/);
  });

  test("passes the kit's checks in Node's test runner", async () => {
    const { stdout } = await run(process.execPath, [
      "--test-reporter=tap",
      await code.bundled("provider.test.ts"),
    ]);
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(70);
  });

  test("agrees with another provider on bytes", async () => {
    expect(await code.printed("second.ts")).toEqual(["true 0", "true [ 3 ]", "[]"]);
  });

  test.each(["group.ts", "part.ts"])("%s prints what it says", async (name) => {
    expect(promised(files[name] as string)).not.toEqual([]);
    expect(await code.printed(name)).toEqual(promised(files[name] as string));
  });
});

test("the guide links to files that are there, and names scripts that are there", async () => {
  for (const [, target] of text.matchAll(/\]\((?!https:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
    await expect(access(`${root}${dirname(PATH)}/${target}`), target).resolves.toBeUndefined();
  }
  const { scripts } = JSON.parse(await readFile(`${root}package.json`, "utf8")) as { scripts: object };
  for (const [, script] of text.matchAll(/npm run ([a-z:]+)/g))
    expect(Object.keys(scripts)).toContain(script);
});
