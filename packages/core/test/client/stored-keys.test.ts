// RFC 9420 §9.2, §16.2: private keys in a key store or a token end too, whatever becomes of the process and the group.

import type { Bytes, Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type Party, party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { needed, SUITE, watched } from "./watched.js";

/** Alice, whose keys are in a key store, in Bob's group. */
async function two() {
  const watch = watched(true);
  const alice = await party("alice", { suite: SUITE, crypto: watch.crypto });
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  return { ...watch, alice, bob, b, a: await added(alice, b) };
}

async function added({ client }: Party, group: Group): Promise<Group> {
  const { welcome } = await group.add(await client.createKeyPackage(), { forcePath: true });
  await group.mergePendingCommit();
  return client.join(welcome as Uint8Array);
}

describe("keys in a key store", () => {
  it("pile up there if each process restores, commits, saves and ends", async () => {
    const { store, alice, b, a } = await two();
    let stored = await a.save();
    await a.close();
    for (let i = 0; i < 8; i++) {
      const group = await (await alice.again()).restore(stored);
      // A process may end before it stored what `save` returned: the state before must still be good.
      const put = async (record: Bytes) => {
        const again = await (await alice.again()).restore(stored);
        expect(again.active).toBe(true);
        await again.close();
        stored = record;
      };
      const { commit } = await group.update();
      await put(await group.save());
      await b.receive(commit);
      await group.mergePendingCommit();
      await put(await group.save());
      // The leaf key and the path key of the epoch before.
      expect(store.size - needed(group).size, `after ${i + 1} processes`).toBeLessThanOrEqual(2);
      await group.close();
    }
    const group = await (await alice.again()).restore(stored);
    await group.save();
    expect(store.size).toBe(needed(group).size);
    expect((await b.receive(await group.encrypt("still here"))).kind).toBe("application");
  });

  it("pile up there if each process saves once", async () => {
    const { store, alice, b, a } = await two();
    let record = await a.save();
    await a.close();
    for (let i = 0; i < 5; i++) {
      const group = await (await alice.again()).restore(record);
      await group.receive((await b.update()).commit);
      await b.mergePendingCommit();
      record = await group.save();
      expect(store.size - needed(group).size).toBeLessThanOrEqual(1);
      await group.close();
    }
  });

  it("stay there after the client was removed", async () => {
    const { store, alice, bob, b, a } = await two();
    await a.save();
    await a.receive((await b.remove(a.ownLeafIndex)).commit);
    // Until the removal is saved, the state before it may be restored.
    expect(store.size).toBeGreaterThan(0);
    await a.save();
    await a.close();
    expect(store.size).toBe(0);

    // In another process, that ends before it closes the group.
    const other = await bob.client.createGroup();
    const joined = await added(alice, other);
    const before = await joined.save();
    await joined.close();
    const restored = await (await alice.again()).restore(before);
    await restored.receive((await other.remove(restored.ownLeafIndex)).commit);
    const removed = await restored.save();
    expect(store.size).toBeGreaterThan(0);
    await (await (await alice.again()).restore(removed)).close();
    expect(store.size).toBe(0);
  });

  it("stay there if the group is closed before its removal was saved, and only then", async () => {
    const { store, alice, b, a } = await two();
    const before = await a.save();
    const { commit } = await b.remove(a.ownLeafIndex);
    await a.receive(commit);
    await a.close();
    const again = await (await alice.again()).restore(before);
    await again.receive(commit);
    expect(again.active).toBe(false);
    await again.save();
    await again.close();
    expect(store.size).toBe(0);
  });

  it("stay there after an external join that was refused", async () => {
    const { store, live, alice, b, a } = await two();
    await a.receive((await b.remove(a.ownLeafIndex)).commit);
    await b.mergePendingCommit();
    await a.close();
    for (const save of [true, false]) {
      const { group, staged } = await joinByExternalCommit(alice.client, await b.groupInfo());
      if (save) {
        await group.save();
        expect(store.size).toBeGreaterThan(0);
      }
      await staged.discard();
      expect([store.size, live.size]).toEqual([0, 0]);
    }
  });

  it("stay there after another group took the place of theirs", async () => {
    const { store, alice, b, a } = await two();
    const before = await a.save();
    const { group, staged } = await joinByExternalCommit(alice.client, await b.groupInfo(), {
      replace: true,
      resync: true,
    });
    await staged.merge();
    expect(a.active).toBe(false);
    // The process ends before the new group is saved.
    const restored = await (await alice.again()).restore(before);
    expect(restored.active).toBe(true);
    await restored.close();
    const first = await group.save();
    await group.close();
    const again = await (await alice.again()).restore(first);
    await again.save();
    expect(store.size).toBe(needed(again).size);
  });

  it("wait for a second save, though no saved state needs them", async () => {
    const { live, b, a } = await two();
    expect(live, "the init key of a key package that wasn't saved").toEqual(needed(a));
    await a.save();
    await a.update();
    await a.clearPendingCommit();
    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    const recorded = live.size - needed(a).size;
    await a.update();
    await a.mergePendingCommit();
    expect(live.size - needed(a).size, "those of epochs that weren't saved").toBe(recorded);
  });

  it("are those of a key package that was saved, until its group was saved twice", async () => {
    const { store, alice, bob, a } = await two();
    await a.close();
    const keyPackage = await alice.client.createKeyPackage();
    const saved = await alice.client.saveKeyPackages();
    const founder = await bob.client.createGroup();
    const { welcome } = await founder.add(keyPackage);
    await founder.mergePendingCommit();
    const joined = await alice.client.join(welcome as Uint8Array);
    await joined.update();
    await joined.mergePendingCommit();
    // The process ends before it saved the group: it joins again.
    const again = await alice.again();
    await again.loadKeyPackages(saved.slice());
    const second = await again.join(welcome as Uint8Array);
    const first = await second.save();
    await second.close();
    expect(store.size).toBe(2);
    const third = await (await alice.again()).restore(first);
    await third.save();
    expect(store.size).toBe(needed(third).size);
  });
});

describe("a leaf key that a staged commit keeps", () => {
  type Stage = (a: Group, b: Group, outsider: Party) => Promise<Uint8Array>;
  const add = async (group: Group, { client }: Party) =>
    (await group.add(await client.createKeyPackage())).commit;
  const ways: readonly (readonly [string, Stage])[] = [
    [
      "received",
      async (a, b, outsider) => {
        const commit = await add(b, outsider);
        await a.stage(commit);
        return commit;
      },
    ],
    ["own, without a path", (a, _, outsider) => add(a, outsider)],
    [
      "own, and another one wins",
      async (a, b, outsider) => {
        await add(a, outsider);
        return add(b, outsider);
      },
    ],
    [
      "with the own Update, received",
      async (a, b) => {
        await b.receive(await a.propose({ update: true }));
        const { commit } = await b.commit();
        await a.stage(commit);
        return commit;
      },
    ],
  ];

  it.each(ways.flatMap(([way, stage]) => [1, 2, 3].map((saves) => [way, saves, stage] as const)))(
    "isn't ended by a restored group: %s, saved %i times after the merge",
    async (_way, saves, stage) => {
      const { store, alice, b, a } = await two();
      const outsider = await party("carol", { suite: SUITE });
      const commit = await stage(a, b, outsider);
      const saved = await a.save();
      await a.close();
      const group = await (await alice.again()).restore(saved);
      await group.receive(commit);
      await b.receive(commit);
      let last = saved;
      for (let i = 0; i < saves; i++) last = await group.save();
      expect(store.size).toBeGreaterThanOrEqual(needed(group).size);
      await group.receive((await b.update()).commit);
      await b.mergePendingCommit();
      expect(group.epochAuthenticator).toEqual(b.epochAuthenticator);
      await group.close();
      expect((await (await alice.again()).restore(last)).active).toBe(true);
    },
  );
});
