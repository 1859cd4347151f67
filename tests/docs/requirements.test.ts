// scripts/validation finds the requirements in the text of RFC 9420, and notices where its index differs from them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const rfc = process.env.MLS_RFC_PATH ?? join(root, "test-vectors/rfc/rfc9420.md");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "copse-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function compare(path: string): string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "scripts/validation/main.mjs"), "--check", "--list", "--rfc", path],
    { encoding: "utf8", maxBuffer: 2 ** 24 },
  );
  return (stdout + stderr).split("\n");
}

const TEXT = `--- abstract
Nothing here MUST count.
--- middle

# First

A client MUST do one
thing. It may do another. It MUST NOT do a third:

~~~ pseudocode
this MUST NOT be found
~~~

## Second

* Verify that it is so.  If not, return an error.
* An example that says nothing.

### Third

A list is invalid if any of this occurs:

* It has an end. The rest is explained.
  * So do items below it.
* It has
  none.

--- back

# Appendix

Something else MUST be here.
`;

it("finds sentences, steps and list items, by section, in an RFC's text", () => {
  const path = join(folder, "text.md");
  writeFileSync(path, TEXT);
  const lines = compare(path);
  expect(lines.slice(0, 9)).toEqual([
    "1#1 A client MUST do one thing.",
    "1#2 It MUST NOT do a third:",
    "1.1#1 Verify that it is so.",
    "1.1#2 If not, return an error.",
    "1.1.1#1 A list is invalid if any of this occurs:",
    "1.1.1#2 It has an end.",
    "1.1.1#3 So do items below it.",
    "1.1.1#4 It has none.",
    "A#1 Something else MUST be here.",
  ]);
  // A sentence that the index doesn't have, and one that it has and the text doesn't.
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^§1 #1: expected \w{16} in the index, got undefined: A client MUST do one thing\.$/,
    ),
  );
  expect(lines).toContainEqual("§2.1.1 #1: the index has an entry, and the text no such sentence");
});

it.skipIf(!existsSync(rfc))("the index has each requirement of RFC 9420, and nothing else", () => {
  const lines = compare(rfc);
  expect(lines.filter((line) => line.startsWith("§"))).toEqual([]);
  expect(lines.filter((line) => /^[\dA-Z.]+#\d+ /.test(line)).length).toBeGreaterThan(240);
});
