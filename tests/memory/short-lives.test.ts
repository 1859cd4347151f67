// What an operation made is garbage after it, which V8 collects cheaply: docs/decisions/short-lives.md.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@copse/test-support/bundle";
import { expect, it } from "vitest";

it("of an operation that ended, little is left after collections of young objects", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copse-short-lives-"));
  try {
    const script = join(folder, "short-lives.mjs");
    const source = readFileSync(fileURLToPath(new URL("short-lives.ts", import.meta.url)), "utf8");
    writeFileSync(script, await bundle(source, "node"));
    const child = spawnSync(process.execPath, ["--expose-gc", script], { encoding: "utf8" });
    expect(child.stderr).toBe("");
    const left: Record<string, number[]> = JSON.parse(child.stdout);
    const median = (name: string) => left[name]?.sort((a, b) => a - b)[2];
    // In bytes. Those of a visit were 50,000 when closures of a group were among old objects.
    expect(median("visit")).toBeLessThan(10_000);
    expect(median("message")).toBeLessThan(6_000);
    // It was 30,000 and 27,000 with getters in literals, and with a WeakMap whose values refer to its keys.
    expect(median("commit")).toBeLessThan(20_000);
    expect(median("received")).toBeLessThan(20_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
