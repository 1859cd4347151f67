// CONTRIBUTING.md, SECURITY.md, CHANGELOG.md: the scripts that they name exist, and what they say of versions is so.
import { readdir, readFile } from "node:fs/promises";
import { readDocument, root } from "@copse/test-support/documents";
import { expect, test } from "vitest";

const json = async (path: string) => JSON.parse(await readFile(`${root}${path}`, "utf8"));

test.each(["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".changeset/README.md"])(
  "%s names scripts that exist",
  async (path) => {
    const { text } = await readDocument(path);
    const { scripts } = await json("package.json");
    for (const [, script] of text.matchAll(/npm run ([a-z:-]+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
  },
);

test("every public package shares one version, and every other workspace is private", async () => {
  const { workspaces } = await json("package.json");
  const folders = await Promise.all(
    (workspaces as string[]).map(async (pattern) =>
      pattern.endsWith("/*")
        ? (await readdir(`${root}${pattern.slice(0, -2)}`)).map((name) => `${pattern.slice(0, -1)}${name}`)
        : [pattern],
    ),
  );
  const versions = new Set<string>();
  for (const folder of folders.flat()) {
    const { private: isPrivate, version } = await json(`${folder}/package.json`);
    // The benchmarks are a program for authors of providers.
    const isPublished = folder.startsWith("packages/") || folder === "benchmarks";
    expect(isPrivate === true, folder).toBe(!isPublished);
    if (isPrivate !== true) versions.add(version);
  }
  expect(versions.size).toBe(1);
});
