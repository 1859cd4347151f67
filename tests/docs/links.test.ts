// The pages of the documentation: each relative link leads to a file, and to a heading if it names one.

import { spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readDocument, root } from "@copse/test-support/documents";
import { expect, test } from "vitest";

const pages = spawnSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" })
  .stdout.trim()
  .split("\n");

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test("there are pages", () => expect(pages.length).toBeGreaterThan(50));

test.each(pages)("%s has no broken link", async (page) => {
  const { text } = await readDocument(page);
  for (const [, target, anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g)) {
    const file = target === "" ? page : join(dirname(page), target as string);
    await expect(access(`${root}${file}`), file).resolves.toBeUndefined();
    if (anchor === undefined) continue;
    const linked = (await readDocument(file)).text;
    const anchors = Array.from(linked.matchAll(/^#+ (.+)$/gm), ([, heading]) => anchorOf(heading as string));
    expect(anchors, file).toContain(anchor);
  }
});

// `npm run pack:check` asks for the same: registries show them where no other file of the repository is.
test.each(pages.filter((page) => /^packages\/[^/]+\/README\.md$/.test(page)))(
  "%s, which is published, links to no file of the repository",
  async (page) => {
    const { text } = await readDocument(page);
    expect(Array.from(text.matchAll(/\]\((?!https:\/\/|#)([^)]*)\)/g), ([, target]) => target)).toEqual([]);
  },
);
