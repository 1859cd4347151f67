// docs/validation.md agrees with the core's checks, the list of rules and the last mutation run, and it is noticed
// if it does not.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "copse-"));
  for (const part of [
    "scripts/validation",
    "packages/core/src",
    "packages/core/test",
    "packages/extensions/test",
    "tests",
    "docs",
  ]) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
});
afterAll(() => rmSync(copy, { recursive: true }));

function check(): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(copy, "scripts/validation/main.mjs"), "--check"],
    { encoding: "utf8", cwd: copy },
  );
  return stdout + stderr;
}

it("is up to date, and each rule has a check and a test that fails without it", () => {
  expect(check()).toBe("docs/validation.md is what the sources, the rules and the tests say\n");
});

it.each([
  [
    "a condition is another one",
    "packages/core/src/group/proposals/list.ts",
    'ensure(target !== committer, "12.2: a commit must not remove',
    'ensure(target !== -1, "12.2: a commit must not remove',
    /new or changed since it was last switched off.*12\.2: a commit must not remove its committer/,
  ],
  [
    "a check is gone",
    "packages/core/src/group/proposals/list.ts",
    'ensure(target !== committer, "12.2: a commit must not remove its committer");',
    "",
    /§12\.2 names a check that isn't there: 12\.2: a commit must not remove its committer/,
  ],
  [
    "a check is in no rule",
    "packages/core/src/group/proposals/list.ts",
    'ensure(target !== committer, "12.2: a commit must not remove its committer");',
    'ensure(target !== committer, "12.2: a commit must not remove its committer"); ensure(true, "12.2: another");',
    /a check that no rule lists: .*12\.2: another/,
  ],
  [
    "a test has another name",
    "packages/core/test/client/insider-commit.test.ts",
    "that removes its committer",
    "that evicts its committer",
    /a test that is no longer there: .*that removes its committer/,
  ],
  [
    "a rule is left without a test",
    "scripts/validation/rules/joining.mjs",
    'tests: [[ORDER, "lists no blank nodes at the end of a tree"]],',
    "",
    /a rule without a test: §12\.4\.3\.3: A sender MUST NOT list blank nodes/,
  ],
  [
    "a requirement of the RFC is left without a rule",
    "scripts/validation/rules/encoding.mjs",
    "musts: [2],",
    'beyond: "nothing in particular",',
    /a requirement without a rule: §2\.1\.2#2/,
  ],
  [
    "a rule is about no requirement",
    "scripts/validation/rules/encoding.mjs",
    "musts: [2],",
    "",
    /a rule without a requirement .*: §2\.1\.2: A longer encoding/,
  ],
  [
    "a rule is about a requirement that the RFC doesn't have",
    "scripts/validation/rules/encoding.mjs",
    "musts: [2],",
    "musts: [2, 9],",
    /a rule about a requirement that isn't there, §2\.1\.2#9: §2\.1\.2: A longer encoding/,
  ],
  [
    "somebody has edited it",
    "docs/validation.md",
    "## §7.3",
    "## §7.3, all of it",
    /docs\/validation\.md isn't what comes of the sources/,
  ],
])("is noticed to be wrong where %s", (_, file, before, after, said) => {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  expect(source).toContain(before);
  writeFileSync(path, source.replace(before, after));
  try {
    expect(check()).toMatch(said);
  } finally {
    writeFileSync(path, source);
  }
});
