// RFC 9420 §9.2, §10, §16.2: private keys end when no state needs them, and not before.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, it } from "vitest";
import { needed, SUITE, watched } from "./watched.js";

async function three(stored = false) {
  const watch = watched(stored);
  const alice = await party("alice", { suite: SUITE, crypto: watch.crypto });
  const bob = await party("bob", { suite: SUITE });
  const carol = await party("carol", { suite: SUITE });
  const founder = await bob.client.createGroup();
  const { welcome } = await founder.commit({
    add: [await alice.client.createKeyPackage(), await carol.client.createKeyPackage()],
    forcePath: true,
  });
  await founder.mergePendingCommit();
  const joined = await alice.client.join(welcome as Uint8Array);
  return { ...watch, alice, a: joined, b: founder, c: await carol.client.join(welcome as Uint8Array) };
}

describe("a private key ends when no state needs it, and not before", () => {
  it("after each operation, whether it succeeds or fails", async () => {
    const { live, alice, a, b, c } = await three();
    const check = (what: string) => expect(live, what).toEqual(needed(a));
    check("a Welcome: the init key is gone");
    await a.update();
    check("a staged commit");
    await a.clearPendingCommit();
    check("one that was discarded");
    const many = needed(a).size;
    for (let i = 0; i < 20; i++) await a.update({ replacePending: true });
    check("as many as are kept");
    expect(needed(a).size).toBeLessThanOrEqual(16 * many);
    await a.clearPendingCommit();
    await a.stage((await b.update()).commit);
    check("one that was received");
    await b.clearPendingCommit();
    await failure(a.commit({ remove: [a.ownLeafIndex] }));
    await failure(a.commit({ psks: [{ external: new Uint8Array(1) }], forcePath: true }));
    check("commits that fail, before and after their path was made");
    await a.groupInfo();
    check("a GroupInfo, whose external_pub is of a derived key");
    const proposal = await a.propose({ update: true });
    expect(needed(a).size).toBeGreaterThan(1);
    check("an own Update");
    for (const group of [b, c]) await group.receive(proposal);
    const { commit } = await b.commit();
    const damaged = commit.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    await failure(a.receive(damaged));
    check("a commit that is refused");
    for (const group of [a, c]) await group.receive(commit);
    await b.mergePendingCommit();
    check("a commit with the own Update");
    await a.update();
    const other = await c.update();
    for (const group of [a, b]) await group.receive(other.commit);
    await c.mergePendingCommit();
    check("a commit that another one outran");
    const groupInfo = await b.groupInfo();
    const dave = watched();
    const joining = await party("dave", { suite: SUITE, crypto: dave.crypto });
    const { group } = await joinByExternalCommit(joining.client, groupInfo);
    expect(dave.live).toEqual(needed(group));
    const twice = await joinByExternalCommit(joining.client, groupInfo);
    await twice.group.clearPendingCommit();
    expect(dave.live, "an external commit that was refused").toEqual(needed(group));
    await group.mergePendingCommit();
    await failure(joinByExternalCommit(joining.client, groupInfo));
    expect(dave.live).toEqual(needed(group));
    await failure(alice.client.createGroup({ groupId: a.groupId }));
    check("a group that isn't created");
    const removal = await b.remove(a.ownLeafIndex);
    await a.receive(removal.commit);
    expect(live.size, "a removal").toBe(0);
    await group.close();
    expect(dave.live.size, "a group that is closed").toBe(0);
  });
  it("in a key store or a token: one save after the last saved state that refers to it", async () => {
    const { live, store, alice, a, b, c } = await three(true);
    const first = await a.save();
    const commits = [];
    for (let i = 0; i < 2; i++) {
      const { commit } = await b.update();
      commits.push(commit);
      for (const group of [a, c]) await group.receive(commit);
      await b.mergePendingCommit();
    }
    // The process ends before it saved again: all keys of the saved state are there.
    const again = await (await alice.again()).restore(first);
    for (const commit of commits) await again.receive(commit);
    expect(again.epochAuthenticator).toEqual(a.epochAuthenticator);
    await again.close();
    await a.save();
    const second = await a.save();
    expect(live.size).toBeLessThanOrEqual(needed(a).size + 2 * commits.length);
    await a.update();
    await a.mergePendingCommit();
    await a.save();
    await a.save();
    expect(store.size).toBe(needed(a).size);
    expect((await failure((await alice.again()).restore(second))).code).toBe("state");
    const last = await a.save();
    await a.close();
    expect((await alice.client.restore(last)).active).toBe(true);
  });
});

describe("key packages", () => {
  it("can be listed and deleted, and then open no Welcome", async () => {
    const { crypto, live } = watched();
    const alice = await party("alice", { suite: SUITE, crypto });
    const keyPackages = [await alice.client.createKeyPackage(), await alice.client.createKeyPackage()];
    const [one, two] = [...alice.client.keyPackages()] as unknown as [
      { reference: Uint8Array },
      { reference: Uint8Array },
    ];
    expect(alice.client.keyPackages()).toHaveLength(2);
    const now = BigInt(Math.floor(Date.now() / 1000));
    for (const { notBefore, notAfter, lastResort } of alice.client.keyPackages()) {
      expect(notBefore < now && now < notAfter).toBe(true);
      expect(lastResort).toBe(false);
    }
    expect(live.size).toBe(4);
    expect(await alice.client.deleteKeyPackage(one.reference)).toBe(true);
    expect(await alice.client.deleteKeyPackage(one.reference)).toBe(false);
    expect(live.size).toBe(2);
    const group = await (await party("bob", { suite: SUITE })).client.createGroup();
    const { welcome } = await group.add(keyPackages[0] as Uint8Array);
    expect((await failure(alice.client.join(welcome as Uint8Array))).code).toBe("not-invited");
    expect(alice.client.keyPackages()).toMatchObject([{ reference: two.reference }]);
  });
});

describe("with key packages of last resort", () => {
  async function joins(times: number, isLastResort: boolean, stored = false) {
    const { crypto, live } = watched(stored);
    const alice = await party("alice", { suite: SUITE, crypto, extensions: [lastResort] });
    const bob = await party("bob", { suite: SUITE });
    const make = () => alice.client.createKeyPackage(isLastResort ? MARKED : {});
    let keyPackage = await make();
    const joined = [];
    for (let i = 0; i < times; i++) {
      const founder = await bob.client.createGroup();
      const { welcome } = await founder.add(keyPackage);
      await founder.mergePendingCommit();
      joined.push({ group: await alice.client.join(welcome as Uint8Array), founder });
      if (!isLastResort) keyPackage = await make();
    }
    return { alice, live, joined };
  }

  it("the leaf keys of others end", async () => {
    const { alice, live, joined } = await joins(2, false);
    for (const { group } of joined) await group.update();
    await joined[0]?.group.mergePendingCommit();
    for (const { group } of joined) await group.close();
    const [left] = alice.client.keyPackages();
    expect(live.size, "those of the key package that is left").toBe(2);
    await alice.client.deleteKeyPackage(left?.reference as Uint8Array);
    expect(live.size).toBe(0);
  });

  it("so do those of groups that this client created", async () => {
    const { alice, live } = await joins(0, true);
    const group = await alice.client.createGroup();
    await group.update();
    await group.mergePendingCommit();
    expect(live.size).toBe(2 + needed(group).size);
    await group.close();
    expect(live.size).toBe(2);
  });

  it("their leaf key ends with the last of its groups, if they are deleted first", async () => {
    const { alice, live, joined } = await joins(2, true);
    const [one, two] = joined as [(typeof joined)[0], (typeof joined)[0]];
    const [leafKey] = needed(one.group);
    expect(needed(two.group)).toEqual(new Set([leafKey]));
    await one.group.update();
    await one.group.mergePendingCommit();
    expect(live).toContain(leafKey);
    await alice.client.deleteKeyPackage(alice.client.keyPackages()[0]?.reference as Uint8Array);
    expect(live).toContain(leafKey);
    const update = await two.founder.update();
    await two.group.receive(update.commit);
    await one.group.close();
    expect(live).toEqual(needed(two.group));
    await two.group.close();
    expect(live.size).toBe(0);
  });

  it("their leaf key ends with them, if their groups are over", async () => {
    const { alice, live, joined } = await joins(2, true);
    const [leafKey] = needed(joined[0]?.group as Group);
    for (const { group } of joined) await group.close();
    expect(live).toContain(leafKey);
    await alice.client.deleteKeyPackage(alice.client.keyPackages()[0]?.reference as Uint8Array);
    expect(live.size).toBe(0);
  });

  it("their leaf key is in the key store as long as they are, if a group is replaced and saved", async () => {
    const { alice, joined } = await joins(1, true, true);
    const [{ group, founder }] = joined as [(typeof joined)[0]];
    await group.save();
    await alice.client.saveKeyPackages();
    const info = await founder.groupInfo();
    const again = await joinByExternalCommit(alice.client, info, { resync: true, replace: true });
    await founder.receive(again.staged.commit);
    await again.staged.merge();
    for (let i = 0; i < 4; i++) await again.group.save();
    const anew = await alice.again();
    await anew.loadKeyPackages(await alice.client.saveKeyPackages());
    expect(anew.keyPackages()).toHaveLength(1);
  });
});
