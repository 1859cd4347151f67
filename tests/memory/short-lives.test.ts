// A group that is opened for a moment is garbage after it, which V8 collects cheaply: docs/decisions/short-lives.md.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@copse/test-support/bundle";
import { expect, it } from "vitest";

it("of a group that was opened and closed, little is left after collections of young objects", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copse-short-lives-"));
  try {
    const script = join(folder, "short-lives.mjs");
    const source = readFileSync(fileURLToPath(new URL("short-lives.ts", import.meta.url)), "utf8");
    writeFileSync(script, await bundle(source, "node"));
    const child = spawnSync(process.execPath, ["--expose-gc", script], { encoding: "utf8" });
    expect(child.stderr).toBe("");
    const left: number[] = JSON.parse(child.stdout);
    const [, , median] = left.sort((a, b) => a - b);
    // In bytes. It was 50,000 when closures of a group were among old objects.
    expect(median).toBeLessThan(10_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
