// The README's code is compiled. worker.test.ts runs the same in a browser.
import { programs, readDocument } from "@copse/test-support/documents";
import { expect, it } from "vitest";

it("compiles", async () => {
  const { blocks } = await readDocument("packages/storage-indexeddb/README.md");
  const files = Object.fromEntries(blocks.map(({ file, code }) => [file, code]));
  expect(Object.keys(files)).toEqual(["page.ts", "sealed.ts", "worker.ts", "app.ts"]);
  const code = await programs(files);
  try {
    expect(await code.errors()).toEqual([]);
  } finally {
    await code.remove();
  }
});
