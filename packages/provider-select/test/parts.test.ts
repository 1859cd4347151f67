// RFC 9420 §5.1: measuring that comes out the same, parts that are chosen by themselves, and the ready-made list.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, insecureAcceptAll } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { selectProvider } from "@copse/provider-select";
import { platformCandidates } from "@copse/provider-select/candidates";
import { SOURCES } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { platformCandidates as web } from "../src/candidates/web.js";
import { candidate, choose, closed, inner } from "./support.js";

const usage = expect.objectContaining({ code: "usage" });

describe("measuring in turns", () => {
  /** A device's clock, that moves when a candidate hashes: by its time, times how slow the device is just now. */
  function device(slowness: (call: number) => number) {
    let [now, calls] = [0, 0];
    const taking = (time: number) => ({
      hash: {
        ...inner.hash,
        hash: (data: Uint8Array) => {
          now += time * slowness(calls++);
          return inner.hash.hash(data);
        },
      },
    });
    return { taking, clock: () => now };
  }

  it("finds the faster one on a device that gets slower and slower", async () => {
    const { taking, clock } = device((call) => 1.1 ** call);
    const candidates = [candidate("slow", taking(15)), candidate("fast", taking(10))];
    const { candidate: chosen, tied } = await choose(candidates, "fastest", { clock });
    expect([chosen, tied]).toEqual(["fast", []]);
  });

  it("says so if there is no clear winner, and takes the first of those in one's own order", async () => {
    const { taking, clock } = device(() => 1);
    const candidates = [
      candidate("slow", taking(30)),
      candidate("a", taking(10.5)),
      candidate("b", taking(10)),
    ];
    const {
      candidate: chosen,
      tied,
      explanation,
      measurements,
    } = await choose(candidates, "fastest", { clock });
    expect([chosen, tied]).toEqual(["a", ["a", "b"]]);
    expect(explanation).toContain("no clear winner, so the first of these: a, b\n");
    // The same from the cache, and in the other order.
    const cache: unknown = JSON.parse(JSON.stringify(measurements));
    expect(await choose(candidates, "fastest", { clock, cache })).toMatchObject({ candidate: "a", tied });
    const turned = await choose([...candidates].reverse(), "fastest", { clock, cache });
    expect([turned.candidate, turned.tied]).toEqual(["b", ["b", "a"]]);
  });

  it("says so on a device that is too noisy to tell", async () => {
    let clear = 0;
    for (let run = 1; run <= 20; run++) {
      let seed = run * 1_234_567;
      const { taking, clock } = device(() => {
        seed = (seed * 48_271) % 2_147_483_647;
        return 1 + (9 * seed) / 2_147_483_647;
      });
      const candidates = [candidate("a", taking(10)), candidate("b", taking(10))];
      if ((await choose(candidates, "fastest", { clock })).tied.length === 0) clear++;
    }
    expect(clear).toBeLessThan(3);
  });

  it("measures all again if one is new, since times of different moments don't compare", async () => {
    const { taking, clock } = device(() => 1);
    const cache = { old: { 1: { median: 1, low: 1, high: 1 } } };
    const candidates = [candidate("old", taking(50)), candidate("new", taking(20))];
    expect((await choose(candidates, "fastest", { clock, cache })).candidate).toBe("new");
    // One that still doesn't work is no reason.
    const broken = candidate("broken", { random: () => new Uint8Array() });
    const kept = await choose([candidates[0]!, broken], "fastest", { clock, cache });
    expect(kept.measurements).toEqual(cache);
  });
});

describe("parts", () => {
  it("are chosen by themselves: signatures there, AEAD here", async () => {
    const token = candidate("token", { hardware: true, signature: closed.signature });
    const {
      provider,
      candidate: chosen,
      parts,
      explanation,
    } = await selectProvider({
      suites: [1, 3],
      candidates: [{ name: "node", load: nodeProvider }],
      parts: {
        signature: { policy: "signature-key-in-hardware", candidates: [{ ...token, load: twoSuites }] },
        aead: { candidates: platformCandidates() },
      },
    });
    expect([chosen, parts.signature?.candidate, parts.aead?.candidate]).toEqual([
      "node",
      "token",
      "sodium-native",
    ]);
    expect(provider.name).toBe("node, signature by token, aead by sodium-native");
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 3]);
    expect(explanation).toContain(
      "\ntoken for the signature part of suites 1, 3 (signature-key-in-hardware)\n",
    );

    const authentication = insecureAcceptAll();
    for (const suite of [1, 3]) {
      const keys = await provider.suite(suite).signature.generateKeyPair();
      expect(() => provider.suite(suite).signature.exportPrivateKey(keys.privateKey)).toThrow("stays inside");
      const create = (credential: string) =>
        Client.create({ crypto: provider, suite, credential, authentication });
      const [alice, bob] = [await create("alice"), await create("bob")];
      const group = await alice.createGroup();
      const { welcome } = await group.add({ keyPackage: await bob.createKeyPackage(), credential: "bob" });
      await group.mergePendingCommit();
      const joined = await bob.join(welcome!);
      expect((await joined.receive(await group.encrypt("hello"))).kind).toBe("application");
    }
  });

  /** Suites 1 and 3 by node:crypto, with signature keys that don't come out. */
  function twoSuites() {
    const node = nodeProvider();
    const suite = (id: number) => ({ ...node.suite(id), signature: closed.signature });
    return { name: "token", suites: node.suites.filter(({ id }) => id === 1 || id === 3), suite };
  }

  it("are tried and measured alone", async () => {
    const aeadOnly = candidate("aead only", { signature: { ...inner.signature, verify: () => true } });
    const all = [candidate("all"), aeadOnly];
    const { measurements, parts } = await choose(all, undefined, { parts: { aead: { policy: "fastest" } } });
    expect(parts.aead?.verdicts.map(({ outcome }) => outcome)).not.toContain("refused");
    expect(all.map(({ loads }) => loads)).toEqual([1, 1]);
    expect(Object.values(measurements).map(Object.keys)).toEqual([["1 aead"], ["1 aead"]]);
    const other = { ...inner.signature, verify: () => true };
    const signature = { candidates: [candidate("x", { signature: other })] };
    await expect(choose(all, undefined, { parts: { signature } })).rejects.toThrow(
      "no provider for the signature part of suite 1 (first that works)\n- x: refused, broken, suite 1, signature",
    );
  });

  it("that don't exist are refused, and so are bad options of parts, before anything is loaded", async () => {
    const one = candidate("one");
    for (const parts of [{ mac: {} }, { aead: { candidates: [] } }, { aead: { policy: "best" } }]) {
      await expect(choose([one], undefined, { parts: parts as object })).rejects.toEqual(usage);
    }
    expect(one.loads).toBe(0);
  });
});

describe("the ready-made list", () => {
  it("has the providers of this platform, and those that are everywhere", async () => {
    const names = ["webcrypto", "libsodium", "noble", "hpke"];
    expect(web().map(({ name }) => name)).toEqual(names);
    expect(platformCandidates().map(({ name }) => name)).toEqual(["sodium-native", "node", ...names]);
    for (const { name, load } of platformCandidates()) expect((await load()).name).toBe(name);
  });

  it("serves all seven suites here, and loads none after the first that works", async () => {
    for (const suite of [1, 2, 3, 4, 5, 6, 7]) {
      const { verdicts } = await selectProvider({ suites: [suite], candidates: platformCandidates() });
      const outcomes = verdicts.map(({ outcome }) => outcome);
      expect(outcomes.slice(outcomes.indexOf("chosen") + 1)).toEqual(
        outcomes.slice(2 - Number(suite % 2 === 1 && suite < 4)).map(() => "not-tried"),
      );
    }
  });

  it("is bundled for browsers without code of Node, also where packages aren't installed", async () => {
    // A place from which nothing is found but what the aliases name.
    const folder = mkdtempSync(join(tmpdir(), "copse-candidates-"));
    try {
      cpSync(fromRoot("packages/provider-select/src"), folder, { recursive: true });
      const { "@copse/provider-noble": _, "@copse/provider-hpke": __, ...alias } = SOURCES;
      const { outputFiles } = await build({
        entryPoints: [join(folder, "candidates/web.ts")],
        bundle: true,
        write: false,
        outdir: folder,
        splitting: true,
        format: "esm",
        platform: "browser",
        alias,
        logLevel: "silent",
        absWorkingDir: folder,
      });
      expect(outputFiles.map(({ text }) => text).join("\n")).not.toMatch(/node:(crypto|module)/);
      const main = outputFiles.find(({ path }) => path.endsWith("web.js"))!;
      expect(main.text).toMatch(/import\("@copse\/provider-noble"\)/);
      expect(main.text).not.toMatch(/import\("@copse\/provider-webcrypto"\)/);
      expect(main.text.length).toBeLessThan(10_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
