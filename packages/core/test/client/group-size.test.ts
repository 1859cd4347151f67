// What the number of members costs: time to join, and memory for past epochs.
import type { Group } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { four, type Party, party, reopened } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const SUITE = 1;

describe("joining a large group", () => {
  it("takes time that is linear in the number of members, not quadratic", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    // Verifying signatures is linear anyway, and would hide the other work for each leaf.
    const signature = Object.assign(Object.create(suite.signature), {
      verify: () => true,
      verifyAll: (requests: readonly unknown[]) => requests.map(() => true),
    });
    const trusting = { ...suite, signature };
    const crypto = { name: "trusting", suites: node.suites, suite: () => trusting };
    const times: number[] = [];
    for (const size of [128, 1024]) {
      const group = await (await party("creator", { suite: SUITE })).client.createGroup();
      const joiners = await Promise.all(
        Array.from({ length: size - 1 }, (_, i) =>
          party(`member ${i}`, i < 5 ? { suite: SUITE, crypto } : { suite: SUITE }),
        ),
      );
      const packages = await Promise.all(joiners.map(({ client }) => client.createKeyPackage()));
      const { welcome } = await group.add(packages);
      let best = Number.POSITIVE_INFINITY;
      for (const { client } of joiners.slice(0, 5)) {
        const start = performance.now();
        const joined = await client.join(welcome as Uint8Array);
        best = Math.min(best, performance.now() - start);
        expect(joined.members).toHaveLength(size);
      }
      times.push(best);
    }
    // Eight times the members: 8 times the work in a linear join, 64 times in a quadratic one.
    const [small, large] = times as [number, number];
    expect(large / small).toBeLessThan(20);
  });
});

describe("past epochs don't hold whole trees", () => {
  it("each epoch kept adds far less than a tree to the saved state", async () => {
    const sizes: number[] = [];
    let treeSize = 0;
    for (const maxPastEpochs of [0, 8]) {
      const policy = { maxPastEpochs };
      const alice = await (await party("alice", { suite: SUITE, policy })).client.createGroup();
      const names = Array.from({ length: 63 }, (_, i) => `member ${i}`);
      const others = await Promise.all(names.map((name) => party(name, { suite: SUITE })));
      await alice.add(await Promise.all(others.map(({ client }) => client.createKeyPackage())));
      await alice.mergePendingCommit();
      for (let i = 0; i < 10; i++) {
        await alice.update();
        await alice.mergePendingCommit();
      }
      sizes.push((await alice.save()).length);
      treeSize = alice.ratchetTree.length;
    }
    const [without, withEight] = sizes as [number, number];
    expect((withEight - without) / 8).toBeLessThan(treeSize / 8);
  });
  it("a restored member reads messages from before the tree shrank", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob, , dave] = groups as [Group, Group, Group, Group];
    const late = await dave.encrypt("before I went");
    const { commit } = await alice.remove([2, 3]);
    await bob.receive(commit);
    const restored = await reopened((parties[1] as Party).client, bob);
    expect(restored.members).toHaveLength(2);
    expect(await restored.receive(late)).toMatchObject({ kind: "application", sender: { leafIndex: 3 } });
  });
});
