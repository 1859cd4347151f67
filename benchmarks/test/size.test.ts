// What a bundler makes of the packages stays within its budgets, and what isn't used is dropped.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Size {
  readonly minified: number;
  readonly gzipped: number;
}

interface Sizes {
  readonly sizes: readonly {
    readonly package: string;
    readonly own: Size;
    readonly withOurs: Size;
    readonly withAll: Size;
    readonly met?: boolean;
  }[];
  readonly shaken: readonly {
    readonly name: string;
    readonly met: boolean;
    readonly kept: readonly string[];
  }[];
}

const script = fileURLToPath(new URL("../../scripts/size.mjs", import.meta.url));

test("packages are as small as promised, and nothing unused stays", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--json"], { encoding: "utf8" });
  expect(stderr.replace(/^npm warn.*$/gm, "").trim()).toBe("");
  const { sizes, shaken } = JSON.parse(stdout) as Sizes;
  const core = sizes.find((each) => each.package === "core");
  expect(core?.own.gzipped).toBeGreaterThan(10_000);
  expect(core?.withAll).toEqual(core?.own);
  expect(sizes.flatMap(({ package: name, met }) => (met === undefined ? [] : [[name, met]]))).toEqual([
    ["core", true],
    ["provider-webcrypto", true],
    ["provider-hpke", true],
  ]);
  for (const { own, withOurs, withAll } of sizes) {
    expect(own.gzipped).toBeLessThan(own.minified);
    expect(withOurs.minified).toBeGreaterThanOrEqual(own.minified);
    expect(withAll.minified).toBeGreaterThanOrEqual(withOurs.minified);
  }
  expect(shaken.map(({ name }) => name)).toContain("insecureAcceptAll");
  expect(shaken.map(({ name }) => name)).toContain("PublicGroup");
  expect(shaken.filter(({ met }) => !met)).toEqual([]);
  expect(status).toBe(0);
});
