// packages/delivery/README.md has each code by which a messenger and a delivery service refuse something.
import { readFile } from "node:fs/promises";
import { readDocument, root } from "@copse/test-support/documents";
import { expect, test } from "vitest";

const { text } = await readDocument("packages/delivery/README.md");

/** The codes in the first column of the table with this heading. */
function told(heading: string): string[] {
  const [, table = ""] = text.split(`| \`${heading}\` |`);
  const rows = table.slice(0, table.indexOf("\n\n")).matchAll(/^\| (`.+?`) \|/gm);
  return Array.from(rows, ([, cell = ""]) => cell.match(/[a-z-]+/g) ?? []).flat();
}

test.each([
  ["MessengerError", "messenger/errors.ts"],
  ["DeliveryError", "service.ts"],
])("the table of %s has all of its codes, and no others", async (name, file) => {
  const source = await readFile(`${root}packages/delivery/src/${file}`, "utf8");
  const [, union = ""] = new RegExp(`export type ${name}Code =([^;]+);`).exec(source) ?? [];
  const codes = Array.from(union.matchAll(/"([a-z-]+)"/g), ([, code]) => code);
  expect(codes.length).toBeGreaterThan(6);
  expect(told(name).sort()).toEqual(codes.sort());
});
