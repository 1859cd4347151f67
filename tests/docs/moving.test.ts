// docs/moving-to-copse.md: its code is compiled, run, and prints what its comments say; and what it names is there.
import { type Programs, programs, promised, readDocument } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const { text, blocks } = await readDocument("docs/moving-to-copse.md");
const all = blocks.map(({ code }) => code).join("\n");

let code: Programs;

beforeAll(async () => {
  // Each function of Copse that the table names, as a type that has it.
  const named = Array.from(text.matchAll(/`(client|group|staged|PublicGroup)\.(\w+)`/g), ([, of, name]) => [
    of,
    name,
  ]);
  expect(named.length).toBeGreaterThan(20);
  const types: Record<string, string> = {
    client: "Client",
    group: "Group",
    staged: "StagedCommit | StagedWelcome",
    PublicGroup: "PublicGroup | typeof PublicGroup",
  };
  const checks = named.map(([of, name], i) => `type T${i} = Has<${types[of as string]}, "${name}">;`);
  const surface = `import type { Client, Group, StagedCommit, StagedWelcome } from "@copse/core";
import type { PublicGroup } from "@copse/core/public-group";
type Has<T, K extends T extends unknown ? keyof T : never> = K;
${checks.join("\n")}
`;
  code = await programs({ "all.ts": all, "surface.ts": surface });
});

afterAll(() => code.remove());

describe("the page's code", () => {
  test("compiles, and the calls that its table names are there", async () => {
    expect(await code.errors()).toEqual([]);
  });

  test("is one program that prints what it says", async () => {
    expect(promised(all).length).toBe(blocks.length);
    expect(await code.printed("all.ts")).toEqual(promised(all));
  });
});
