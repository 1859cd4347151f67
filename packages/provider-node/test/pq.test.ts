// draft-ietf-mls-pq-ciphersuites: served by node:crypto where OpenSSL is 3.5, and by none before.
import { spawn } from "node:child_process";
import * as crypto from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PQ_SUITE_NAMES } from "@copse/provider-kit";
import { nodeProvider, type PqCodePoints } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "./pq-child.js";

const codePoints: PqCodePoints = Object.fromEntries(
  PQ_SUITE_NAMES.map((name, i) => [name, 0xf000 + i] as const),
);

/** Checks with no known answers for these suites in the kit, or about what this provider doesn't have. */
const MAY_SKIP = [
  "hpke keys: loads what it saves",
  "hpke: known answers of RFC 9180",
  "hpke: known answers of the MLS working group",
  "kdf: known answers of the MLS working group",
  "signature: known answers",
  "signature: known answers of the MLS working group",
  "signature: nonces have no bits that are always the same",
];

/** Every Node with ML-KEM's functions that is there: this one, and those that `platforms` has fetched. */
function newNodes(): { readonly name: string; readonly path: string }[] {
  const cache = fileURLToPath(new URL("../../../platforms/.cache", import.meta.url));
  const found = (existsSync(cache) ? readdirSync(cache) : [])
    .map((folder) => /^(node-[a-z]+-[a-z0-9]+)-(\d+)\.\d+\.\d+$/.exec(folder))
    .filter((match) => match !== null && Number(match[2]) >= 24)
    .map((match) => ({
      name: match?.[0] as string,
      path: `${cache}/${match?.[0]}/node_modules/${match?.[1]}/bin/node`,
    }))
    .filter(({ path }) => existsSync(path));
  return "encapsulate" in crypto ? [{ name: "this Node", path: process.execPath }, ...found] : found;
}

const folder = mkdtempSync(join(tmpdir(), "copse-pq-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a Node says to a script: on each of its outputs. */
async function run(path: string, script: string): Promise<{ out: string; err: string }> {
  const file = join(folder, "child.mjs");
  writeFileSync(file, script);
  const child = spawn(path, [file], { env: {}, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.err += text;
  });
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  expect(code, said.err).toBe(0);
  return said;
}

describe("the post-quantum suites by node:crypto", () => {
  it("are served by a Node that has ML-KEM, and by no other", () => {
    const ids = nodeProvider({ codePoints }).suites.map(({ id }) => id);
    const classical = [1, 2, 3, 4, 5, 6, 7];
    const wanted = "encapsulate" in crypto ? PQ_SUITE_NAMES.map((name) => codePoints[name]) : [];
    expect(ids).toEqual([...wanted, ...classical]);
    expect(nodeProvider().suites.map(({ id }) => id)).toEqual(classical);
    expect(nodeProvider({}).suites.map(({ id }) => id)).toEqual(classical);
  });

  it("are found out in silence", async () => {
    const script = `import { nodeProvider } from "@copse/provider-node";
      nodeProvider({ codePoints: ${JSON.stringify(codePoints)} });`;
    expect(await run(process.execPath, await bundle(script, "node"))).toEqual({ out: "", err: "" });
  });

  it("refuse code points that are none, are given twice or are taken, wherever they run", () => {
    const name = "MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384";
    const usage = expect.objectContaining({ code: "usage" });
    for (const id of [0, 1, 7, -1, 65_536, 1.5]) {
      expect(() => nodeProvider({ codePoints: { [name]: id } })).toThrow(usage);
    }
    const twice = { [name]: 0xf000, MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65: 0xf000 };
    expect(() => nodeProvider({ codePoints: twice })).toThrow(usage);
  });

  for (const { name, path } of newNodes()) {
    it(`conform, with noble as the second opinion: ${name}`, async () => {
      const script = `import { report } from "../packages/provider-node/test/pq-child.ts";
        console.log(JSON.stringify(await report()));`;
      const { out, err } = await run(path, await bundle(script, "node"));
      expect(err).toBe("");
      const { suites, results } = JSON.parse(out) as Report;
      expect(suites.slice(0, -7)).toEqual(PQ_SUITE_NAMES);
      expect(results.filter(({ outcome }) => outcome === "failed")).toEqual([]);
      for (const suite of PQ_SUITE_NAMES) {
        const passed = results.filter((one) => one.suite === suite && one.outcome === "passed");
        expect(passed.length, suite).toBeGreaterThan(8);
      }
      const skipped = results.filter(({ outcome }) => outcome === "skipped");
      for (const { name: check, detail } of skipped) expect(MAY_SKIP, detail).toContain(check);
    });
  }
});
