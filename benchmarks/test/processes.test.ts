// A process for each provider, and the order of their turns.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "@copse/test-support/bundle";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Implementation } from "../src/implementation.js";
import { node } from "../src/implementations.js";
import { ownImplementation } from "../src/own-provider.js";
import { Processes } from "../src/processes.js";
import { tsMls } from "../src/ts-mls.js";
import { takeTurns } from "../src/turns.js";
import { TINY } from "./effort.js";

describe("turns", () => {
  /** Notes what it does in each turn; `waits` is for what takes time. */
  const part =
    (name: string, turns: number, log: string[], waits = 0) =>
    async (nextTurn: () => Promise<number>) => {
      log.push(`${name} begins`);
      for (let i = 0; i < turns; i++) {
        const turn = await nextTurn();
        if (waits > 0) await new Promise((resolve) => setTimeout(resolve, waits));
        log.push(`${name} ${turn}`);
      }
    };

  test("are taken one after the other, by all in the same order", async () => {
    const log: string[] = [];
    let turn = 0;
    await takeTurns([part("a", 2, log, 5), part("b", 2, log)], () => ++turn);
    expect(log).toEqual(["a begins", "a 1", "b begins", "b 1", "a 2", "b 2"]);
  });

  test("go on for those who need more, and end for those who need none", async () => {
    const log: string[] = [];
    let turn = 10;
    await takeTurns([part("a", 0, log), part("b", 3, log), part("c", 1, log)], () => ++turn);
    expect(log).toEqual(["a begins", "b begins", "b 11", "c begins", "c 11", "b 12", "b 13"]);
  });

  test("end with the first error", async () => {
    const log: string[] = [];
    const failing = async (nextTurn: () => Promise<number>) => {
      await nextTurn();
      throw new Error("lost");
    };
    await expect(takeTurns([part("a", 2, log), failing], () => 1)).rejects.toThrow("lost");
    expect(log).toEqual(["a begins", "a 1"]);
  });
});

describe("processes", () => {
  const effort = { ...TINY, turns: 2 };
  const told: string[] = [];
  // Where ts-mls is found, which is in the folder of its own workspace alone.
  const folder = mkdtempSync(
    fileURLToPath(new URL("../../peers/ts-mls/node_modules/.copse-", import.meta.url)),
  );
  const script = join(folder, "process-main.mjs");
  const processes = new Processes((text) => void told.push(text), effort, "wall", script);
  beforeAll(async () => {
    writeFileSync(script, await bundle('import "../benchmarks/src/process-main.js";', "node"));
  });
  afterAll(() => {
    processes.close();
    rmSync(folder, { recursive: true });
  });

  test("measure side by side, in the same turns", async () => {
    const implementations = [node, tsMls];
    await processes.primitives(2, [node]);
    await processes.block({
      suite: 2,
      members: 3,
      tree: "fresh",
      rounds: 1,
      implementations,
      payloads: ["64 B"],
    });
    const before = await processes.results();
    await processes.forget(2);
    expect(await processes.results()).toEqual(before);
    const results = (await processes.results()).filter(({ operation }) => operation === "encrypt 64 B");
    expect(results.map(({ provider }) => provider)).toEqual(["node", "ts-mls"]);
    const [ours, theirs] = results.map(({ turns }) => Object.keys(turns));
    expect(ours).toHaveLength(2);
    expect(theirs).toEqual(ours);
    expect((await processes.allPrimitives()).map(({ provider, suite }) => [provider, suite])).toEqual([
      ["node", 2],
    ]);
    expect(told.join()).toContain("ts-mls");
  });

  test("measure a provider of one's own, from its module", async () => {
    const path = join(folder, "mine.mjs");
    const provider = `import { nobleProvider } from "@copse/provider-noble";
      export default async () => ({ ...nobleProvider(), name: "node" });`;
    writeFileSync(path, await bundle(provider, "node"));
    const own = await ownImplementation(path, ["node"]);
    expect(own).toMatchObject({ name: "node (mine.mjs)", module: path });
    await processes.primitives(3, [own]);
    const block = { suite: 3, members: 2, tree: "fresh", rounds: 1, payloads: ["64 B"] } as const;
    await processes.block({ ...block, implementations: [own] });
    const results = (await processes.results()).filter(({ suite }) => suite === 3);
    expect(new Set(results.map(({ provider }) => provider))).toEqual(new Set(["node (mine.mjs)"]));
    expect(results.map(({ operation }) => operation)).toContain("encrypt 64 B");
  });

  test.each([
    ["nothing.mjs", undefined, "there is no file"],
    ["number.mjs", "export default 7", /default export is a CryptoProvider, .*got number/],
    ["none.mjs", "export const provider = {}", /expected a module .* it exports provider and no default/],
    ["empty.mjs", "", "it exports nothing"],
    ["other.mjs", "export default async () => ({ name: 'x' })", "got a function that returns object"],
    ["lazy.mjs", "export default () => { throw new Error('no token') }", "its function failed: no token"],
    ["broken.mjs", "export default {", "it can't be imported: "],
    ["far.mjs", "import 'not-installed'", "it can't be imported: Cannot find package 'not-installed'"],
    ["suites.mjs", "export default { name: 'mine', suites: [], suite() {} }", '"mine" serves no suite here'],
  ])("refuse a module without a provider: %s", async (name, code, words) => {
    if (code !== undefined) writeFileSync(join(folder, name), code);
    await expect(ownImplementation(join(folder, name))).rejects.toThrow(words);
  });

  test("say what failed in one", async () => {
    const unknown = { name: "unknown" } as Implementation;
    await expect(processes.primitives(1, [unknown])).rejects.toThrow(/unknown.* ended with 1/);
    await expect(processes.primitives(1, [unknown])).rejects.toThrow("ended with 1");
    const block = { suite: 9999, members: 3, tree: "fresh", rounds: 1, payloads: [] } as const;
    await expect(processes.block({ ...block, implementations: [node] })).rejects.toThrow(/^node: .*9999/s);
  });
});
