// One round of each implementation in tiny groups: everything has a time and a floor, however large.

import { Client, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { describe, expect, test } from "vitest";
import { Crowd } from "../src/crowd.js";
import { implementations, node } from "../src/implementations.js";
import { livedInGroup } from "../src/lived-in-tree.js";
import { memoryOf } from "../src/memory.js";
import { isSize, OPERATIONS } from "../src/operations.js";
import { REFERENCE } from "../src/references.js";
import { Run } from "../src/run.js";
import { TINY } from "./effort.js";

const quiet = () => {};

async function measured(name: string, suite: number, members: number, tree: "fresh" | "lived-in") {
  const crowd = new Crowd(node, quiet);
  const run = new Run(crowd, quiet, TINY);
  const own = implementations.filter((implementation) => implementation.name === name);
  await run.primitives(suite, own);
  await run.block({ suite, members, tree, rounds: 1, implementations: own, payloads: ["64 B", "1 KiB"] });
  return { results: run.results(), primitives: run.allPrimitives() };
}

// One that makes no groups is measured beside OpenMLS.
const names = implementations.filter(({ hosted }) => !hosted).map(({ name }) => name);

test.each(names)("%s is measured in a fresh and in a lived-in tree", async (name) => {
  for (const tree of ["fresh", "lived-in"] as const) {
    const { results, primitives } = await measured(name, name === REFERENCE ? 2 : 3, 5, tree);
    const found = results.map(({ operation }) => operation);
    for (const operation of ["empty commit", "process empty commit", "encrypt 1 KiB", "join"] as const) {
      expect(found).toContain(operation);
    }
    expect(found.includes("key package")).toBe(tree === "fresh");
    expect(found.includes("remove one")).toBe(name !== REFERENCE);
    for (const { median, low, high, runs, floor, counts } of results) {
      expect(median).toBeGreaterThan(0);
      expect(low).toBeLessThanOrEqual(median);
      expect(high).toBeGreaterThanOrEqual(median);
      expect(runs).toBeGreaterThan(0);
      expect(counts === undefined).toBe(name === REFERENCE);
      if (name !== REFERENCE) expect(floor).toBeGreaterThan(0);
    }
    expect(primitives.length).toBe(name === REFERENCE ? 0 : 1);
    for (const { hpke } of primitives) {
      expect(hpke.seal.overParts).toBeGreaterThan(0);
      expect(hpke.open.overParts).toBeGreaterThan(0);
    }
  }
});

test("what was asked for in one run is counted, and no more", async () => {
  const { results } = await measured("node", 1, 3, "fresh");
  const counts = (operation: string) => results.find((one) => one.operation === operation)?.counts;
  expect(counts("encrypt 1 KiB")?.["signature.sign"]).toMatchObject({ calls: 1, items: 1 });
  expect(counts("decrypt 1 KiB")?.["signature.verify"]).toMatchObject({ calls: 1 });
  expect(counts("add all others")?.["hpke.sealAll"]).toMatchObject({ calls: 1, items: 2 });
  expect(counts("key package")?.["signature.sign"]).toMatchObject({ calls: 2 });
});

test("what was recorded can be repeated after the group has ended its keys", async () => {
  const member = await node.createMember(1, "saver");
  await member.createGroup();
  node.counter?.start();
  const saved = await member.save?.();
  const recording = node.counter?.stop();
  // Closes the group that was saved, which destroys its private keys.
  await member.restore?.(saved as Uint8Array);
  expect(recording?.counts["hpke.exportPrivateKey"]?.calls).toBeGreaterThan(0);
  expect(await recording?.replay(false)).toBeGreaterThan(0);
});

describe("a lived-in group", () => {
  test.each([4, 5, 7, 8, 33])(
    "of %i members is valid, and has no blank parent but where it must",
    async (members) => {
      const provider = await node.provider?.(1);
      if (provider === undefined) throw new Error("node shows no provider");
      const { groupInfo, vacant } = await livedInGroup(provider, members);
      expect(vacant).toHaveLength(3);
      const crypto = { name: "node", suites: [provider.suite], suite: () => provider };
      const options = { crypto, authentication: insecureAcceptAll() };
      const clients = await Promise.all(
        vacant.map((leaf) => Client.create({ ...options, suite: 1, credential: `joiner ${leaf}` })),
      );
      const [host, committer, receiver] = clients as [Client, Client, Client];
      const { group } = await joinByExternalCommit(host, groupInfo);
      await group.mergePendingCommit();
      const add = [await committer.createKeyPackage(), await receiver.createKeyPackage()];
      const { welcome } = await group.commit({ add, forcePath: true });
      await group.mergePendingCommit();
      const committing = await committer.join(welcome as Uint8Array);
      const receiving = await receiver.join(welcome as Uint8Array);
      expect(committing.members).toHaveLength(members);
      expect(committing.ownLeafIndex).toBe(vacant[1]);
      expect(receiving.ownLeafIndex).toBe(vacant[2]);
      for (const [from, to] of [
        [committing, receiving],
        [receiving, committing],
      ] as const) {
        const { commit } = await from.update();
        await from.mergePendingCommit();
        await to.receive(commit);
        await group.receive(commit);
      }
      // What somebody thinks of the tree that has come of it who sees it for the first time.
      const observer = await PublicGroup.follow({ ...options, groupInfo: await committing.groupInfo() });
      expect(observer.members).toHaveLength(members);
    },
  );
});

test("memory that is held is seen", async () => {
  let held: Uint8Array | undefined;
  const bytes = await memoryOf(async () => {
    held = new Uint8Array(4_000_000).fill(1);
  });
  expect(held?.length).toBe(4_000_000);
  expect(bytes).toBeGreaterThan(3_000_000);
  expect(bytes).toBeLessThan(8_000_000);
});

test("sizes are told from times", () => {
  expect(OPERATIONS.filter(isSize)).toEqual(["memory per member", "encoded tree per member"]);
});
