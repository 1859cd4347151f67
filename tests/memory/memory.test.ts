// RFC 9420 §9.2, §16.2: after a session, the memory of its process is searched for the secrets that are over.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@copse/test-support/bundle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "copse-memory-"));
const script = join(folder, "session.mjs");
beforeAll(async () => {
  const source = readFileSync(fileURLToPath(new URL("session.ts", import.meta.url)), "utf8");
  writeFileSync(script, await bundle(source, "node"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function search(provider: string, suite: number): { searched: number; found: Record<string, number> } {
  const child = spawnSync(process.execPath, ["--expose-gc", script, provider, String(suite)], {
    encoding: "utf8",
  });
  expect(child.stderr).toBe("");
  return JSON.parse(child.stdout);
}

/** Kinds of secrets that are private keys. */
const PRIVATE_KEYS = ["init or leaf key", "node key"];

describe.runIf(process.platform === "linux")("secrets that are over, in the memory of the process", () => {
  it("are nowhere with the node provider", () => {
    const { searched, found } = search("node", 2);
    expect(searched).toBeGreaterThan(1000);
    expect(found).toEqual({});
  });
  it("are nowhere with the node provider, but for what OpenSSL leaves of X25519 keys", () => {
    const { searched, found } = search("node", 1);
    expect(searched).toBeGreaterThan(1000);
    expect(Object.keys(found).filter((what) => !PRIVATE_KEYS.includes(what))).toEqual([]);
  });
  it.each(["noble", "libsodium", "webcrypto"])(
    "are counted with %s, whose libraries may leave some",
    (provider) => {
      const { searched, found } = search(provider, 1);
      console.log(`${provider}: ${searched} secrets searched, found ${JSON.stringify(found)}`);
      expect(searched).toBeGreaterThan(1000);
    },
  );
});
