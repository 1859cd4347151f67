// The README's example compiles, runs, and passes.
import { type Programs, programs, readDocument, root, run } from "@copse/test-support/documents";
import { afterAll, beforeAll, expect, test } from "vitest";

const { blocks } = await readDocument("packages/delivery-conformance/README.md");
const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));
let code: Programs;
beforeAll(async () => {
  code = await programs(files);
});
afterAll(() => code.remove());

test("its files compile", async () => {
  expect(Object.keys(files)).toEqual(["service.ts", "tests.ts", "report.ts"]);
  expect(await code.errors()).toEqual([]);
});

test("the report says what passed, and what the service isn't asked for", async () => {
  const lines = await code.printed("report.ts");
  expect(lines.at(-1)).toMatch(/^memory: \d+ passed, 0 failed, 2 skipped$/);
  expect(lines).toHaveLength(3);
});

test("each check is a test of Node's runner", async () => {
  const { stdout } = await run(process.execPath, ["--test-reporter=tap", await code.bundled("tests.ts")], {
    cwd: root,
  });
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(stdout).toMatch(/^# skipped 2$/m);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(75);
});
