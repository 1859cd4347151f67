// RFC 9420 §16, RFC 9750 §8: each promise of the threat model names a test that there is.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const page = fileURLToPath(new URL("../../docs/threat-model.md", import.meta.url));
const named = [...readFileSync(page, "utf8").matchAll(/\["([^\]]+)"\]\(([^)]+)\)/g)];

it("names some tests", () => {
  expect(named.length).toBeGreaterThan(20);
});

it.each(named.map(([, title, path]) => [title, path] as const))("has the test “%s”", (title, path) => {
  const source = readFileSync(new URL(path as string, new URL("../../docs/", import.meta.url)), "utf8");
  expect(source).toContain(`"${title}"`);
});
