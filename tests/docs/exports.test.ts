// What the core exports: written pages say what each of it is for.
import { spawnSync } from "node:child_process";
import { readDocument, root } from "@copse/test-support/documents";
import { describe, expect, test } from "vitest";

const INDEX = "docs/names.md";

/** Exports that no page shows in use, and why. */
const UNSHOWN: Readonly<Record<string, string>> = {
  // For extensions that have state or cryptography of their own. `packages/extensions` is the example.
  Reader: "for a codec that can't be made of others",
  Writer: "for a codec that can't be made of others",
  SenderType: "checks of extensions get a sender",
  copied: "for what an extension hands out",
  wipe: "for secrets of an extension",
  customPsk: "for PSK types of an extension",
  isCustomPsk: "for PSK types of an extension",
  encryptWithLabel: "for keys of an extension",
  decryptWithLabel: "for keys of an extension",
  signWithLabel: "for keys of an extension",
  verifyWithLabel: "for keys of an extension",
  expandWithLabel: "for keys of an extension",
  deriveSecret: "for keys of an extension",
  utf8: "short for `new TextEncoder().encode(text)`",
};

// The contents of the page that is generated from the declarations: a line for each kind of export of an entry point.
const { text: api } = await readDocument("docs/api/core.md");
const lines = Array.from(api.matchAll(/^- \[(.+) of @copse\/core\S*\]\(\S+\): (.+)$/gm));
const namesOf = (kinds: RegExp) =>
  lines.flatMap(([, kind, names]) => (kinds.test(kind as string) ? ticked(names as string) : []));
function ticked(text: string): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), ([, name]) => name as string);
}
const values = namesOf(/Classes|Functions/);
const types = namesOf(/Types/);

const written = spawnSync("git", ["ls-files", "README.md", "docs/*.md", "packages/*/README.md"], {
  cwd: root,
  encoding: "utf8",
})
  .stdout.trim()
  .split("\n")
  .filter((path) => !/^docs\/(api|decisions)\/|^docs\/(validation|design)\.md$/.test(path));
const pages = new Map(
  await Promise.all(written.map(async (path) => [path, await readDocument(path)] as const)),
);

/** What a page says in code: its blocks, and what stands in backticks. */
const codeOf = (path: string): string => {
  const { text, blocks } = pages.get(path) as Awaited<ReturnType<typeof readDocument>>;
  return [...blocks.map(({ code }) => code), ...ticked(text.replaceAll(/^```.*?^```$/gms, ""))].join("\n");
};
const isIn = (code: string, name: string) => new RegExp(`(?<![\\w.])${name}(?!\\w)`).test(code);

test("there are exports of each kind, and pages", () => {
  expect(values.length).toBeGreaterThan(60);
  expect(types.length).toBeGreaterThan(120);
  expect(pages.size).toBeGreaterThan(15);
});

describe("every export", () => {
  const shown = [...pages.keys()].filter((path) => path !== INDEX).map(codeOf);

  test("is shown in use on a written page, if it is a value", () => {
    const missing = values.filter((name) => !shown.some((code) => isIn(code, name)));
    expect(missing.sort()).toEqual(Object.keys(UNSHOWN).sort());
  });

  test("is named on a written page", () => {
    const all = [...shown, codeOf(INDEX)];
    expect([...values, ...types].filter((name) => !all.some((code) => isIn(code, name)))).toEqual([]);
  });
});

test("the page of names has each export of an application, and no name that isn't one", () => {
  const listed = ticked(pages.get(INDEX)?.text ?? "");
  const ofProviders = /^(?:[A-Z0-9]+_[A-Z0-9_a-z]+|SHA\d+|ED\d+|ascii|useSecret|withCleanup)$/;
  const expected = [...values, ...types].filter((name) => !ofProviders.test(name));
  expect(expected.filter((name) => !listed.includes(name))).toEqual([]);
  const known = [...values, ...types];
  const firstColumn = Array.from(
    pages.get(INDEX)?.text.matchAll(/^\| (`.+?`) \|/gm) ?? [],
    ([, cell]) => cell,
  );
  expect(
    firstColumn.flatMap((cell) => ticked(cell as string)).filter((name) => !known.includes(name)),
  ).toEqual([]);
});
