// RFC 9420 §9.2, §16.2: private keys end with the write that removes the last reference to them, and not before.
import { type Group, generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { memoryStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE, TestStorage } from "./stores.js";

/** Alice, whose keys are in a key store, in a group of Bob's. */
async function two() {
  const watch = watched(true);
  const storage = new TestStorage();
  const open = () => opened(storage, "alice", { crypto: watch.crypto });
  const alice = await open();
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(await alice.createKeyPackage());
  await b.mergePendingCommit();
  const a = await alice.join(welcome as Uint8Array);
  return { ...watch, storage, open, alice, bob, a, b };
}

describe("of keys in a key store", () => {
  it("only the leaf key is left after a Welcome was used", async () => {
    const { store } = await two();
    expect(store.size).toBe(1);
  });

  it.each(["lost", "refused"] as const)(
    "those of a key package whose deletion was %s stay, when it is used in the end",
    async (fate) => {
      const { crypto, store } = watched(true);
      const storage = new TestStorage();
      const alice = await opened(storage, "alice", { crypto });
      const bob = await party("bob", { suite: SUITE });
      const b = await bob.client.createGroup();
      const keyPackage = await alice.createKeyPackage();
      const reference = alice.keyPackages()[0]?.reference as Uint8Array;
      // A refused write is tried again some times.
      storage.fates.push(...(fate === "lost" ? [fate] : Array<typeof fate>(20).fill(fate)));
      await failure(alice.deleteKeyPackage(reference));
      storage.fates.length = 0;
      expect(alice.keyPackages().length).toBe(1);
      const { welcome } = await b.add(keyPackage);
      await b.mergePendingCommit();
      const a = await alice.join(welcome as Uint8Array);
      expect(store.size, "the leaf key").toBe(1);
      const again = (await (await opened(storage, "alice", { crypto })).group(a.groupId)) as Group;
      await b.receive((await again.update()).commit);
      await again.mergePendingCommit();
      await send(b, [again], "still here");
    },
  );

  it("none piles up, whoever commits", async () => {
    const { store, a, b } = await two();
    for (let i = 0; i < 3; i++) {
      await b.receive((await a.update()).commit);
      await a.mergePendingCommit();
      expect(store.size, "a leaf key and a path key").toBe(2);
      await a.receive((await b.update()).commit);
      await b.mergePendingCommit();
      expect(store.size).toBeLessThanOrEqual(2);
    }
    await send(a, [b], "still here");
  });

  it("none is left of a commit that was dropped, or that another one won over", async () => {
    const { store, a, b } = await two();
    await a.update();
    await a.receive((await b.update()).commit);
    await b.mergePendingCommit();
    expect(store.size).toBeLessThanOrEqual(2);
  });

  it("none is left after the removal", async () => {
    const { store, a, b } = await two();
    await a.receive((await b.remove(a.ownLeafIndex)).commit);
    expect(store.size).toBe(0);
  });

  it.each(["open", "closed", "not loaded"])(
    "none is left of a group that is deleted, if it is %s",
    async (how) => {
      const { store, alice, open, a, b } = await two();
      await a.update();
      await a.propose({ update: true }).catch(() => undefined);
      await b.update();
      if (how === "closed") await a.close();
      const client = how === "not loaded" ? await open() : alice;
      expect(store.size).toBeGreaterThan(1);
      await client.deleteGroup(b.groupId);
      expect(store.size).toBe(0);
    },
  );

  it("none ends with a group whose deletion isn't written", async () => {
    const { store, storage, alice, b } = await two();
    storage.fates.push("lost");
    expect(await failure(alice.deleteGroup(b.groupId))).toEqual(code("storage"));
    expect(store.size).toBe(1);
    await send((await alice.group(b.groupId)) as Group, [b], "still here");
  });

  it("none is left of a key package that is deleted, and it ends after the write", async () => {
    const { store, storage, alice } = await two();
    const before = store.size;
    await alice.createKeyPackage();
    const [{ reference } = { reference: new Uint8Array() }] = alice.keyPackages();
    expect(store.size).toBe(before + 2);
    storage.fates.push("lost");
    expect(await failure(alice.deleteKeyPackage(reference))).toEqual(code("storage"));
    expect(store.size).toBe(before + 2);
    expect(await alice.deleteKeyPackage(reference)).toBe(true);
    expect(store.size).toBe(before);
  });

  it("none is left of a key package whose deletion was made, though the storage said that it failed", async () => {
    const { store, storage, alice } = await two();
    const before = store.size;
    await alice.createKeyPackage();
    const [{ reference } = { reference: new Uint8Array() }] = alice.keyPackages();
    storage.fates.push("late");
    expect(await failure(alice.deleteKeyPackage(reference))).toEqual(code("storage"));
    expect([alice.keyPackages().length, store.size]).toEqual([0, before]);
  });

  it("none is left of an external join that is given up, or of the group that it replaces", async () => {
    const { store, alice, b } = await two();
    const options = { resync: true, replace: true };
    const first = await joinByExternalCommit(alice, await b.groupInfo(), options);
    await first.staged.discard();
    expect(store.size).toBe(1);
    const second = await joinByExternalCommit(alice, await b.groupInfo(), options);
    await b.receive(second.commit);
    await second.staged.merge();
    expect(alice.knownGroups()).toHaveLength(1);
    expect(store.size).toBe(2);
    await send(second.group, [b], "here again");
  });

  it("none that a record may need ends with a write that failed, and it goes with the next", async () => {
    const { store, storage, a, b, open } = await two();
    storage.fates.push("late");
    expect(await failure(a.update())).toEqual(code("storage"));
    const again = (await (await open()).group(b.groupId)) as Group;
    expect(again.hasPendingCommit).toBe(true);
    await b.receive((again.staged[0] as { commit: Uint8Array }).commit);
    await again.mergePendingCommit();
    await send(again, [b], "with the new keys");
    expect(store.size).toBe(2);
  });
});

describe("a key package in a key store, by which another opener has joined", () => {
  async function tabs() {
    const { crypto, store } = watched(true);
    const inner = memoryStorage();
    const [left, right] = [new TestStorage(inner), new TestStorage(inner)];
    let time = Date.now();
    const late = { policy: { now: () => time } };
    const open = (storage: TestStorage, options = {}) => opened(storage, "alice", { crypto, ...options });
    const one = await open(left);
    const keyPackage = await one.createKeyPackage();
    const other = await open(right, late);
    const b = await (await party("bob", { suite: SUITE })).client.createGroup();
    const welcome = (await b.add(keyPackage)).welcome as Uint8Array;
    await b.mergePendingCommit();
    const pass = () => {
      time += 1000 * 3600 * 24 * 1000;
    };
    const check = async () => send(b, [(await (await open(left)).group(b.groupId)) as Group], "still here");
    return { store, right, one, other, welcome, pass, check };
  }

  it("leaves it the leaf key, if it is deleted here at that moment", async () => {
    const { store, right, one, other, welcome, check } = await tabs();
    const [{ reference } = { reference: new Uint8Array() }] = other.keyPackages();
    const hold = right.hold();
    const deleting = other.deleteKeyPackage(reference);
    await hold.reached;
    await one.join(welcome);
    hold.open();
    expect(await deleting).toBe(true);
    expect(store.size).toBe(1);
    await check();
  });

  it("leaves it the leaf key, if it expires here", async () => {
    const { store, one, other, welcome, pass, check } = await tabs();
    await one.join(welcome);
    pass();
    await other.createKeyPackage();
    expect(store.size, "and the keys of the new one").toBe(3);
    await check();
  });
});

describe("two external joins of one group", () => {
  it("are both found after a restart", async () => {
    const { open, alice, b } = await two();
    const options = { resync: true, replace: true };
    const joins = [];
    for (let i = 0; i < 2; i++) joins.push(await joinByExternalCommit(alice, await b.groupInfo(), options));
    const again = await open();
    const known = again.knownGroups().filter(({ status }) => status === "joining");
    expect(known).toHaveLength(2);
    const groups = await Promise.all(known.map((one) => again.group(one)));
    const commits = groups.map((group) => group?.staged[0]?.commit);
    for (const { commit } of joins) expect(commits).toContainEqual(commit);
    expect(await again.deleteGroup(known[0] as (typeof known)[0])).toBe(true);
    expect(again.knownGroups()).toHaveLength(2);
  });
});

describe("signers that calls were given", () => {
  const signer = () => generateSigner(nodeProvider(), SUITE);

  it("are there after a restart", async () => {
    const storage = new TestStorage();
    const alice = await opened(storage);
    const bob = await party("bob", { suite: SUITE });
    const group = await alice.createGroup({ signer: await signer() });
    const keyPackage = await alice.createKeyPackage({ signer: await signer() });
    const third = await alice.createGroup();
    const staged = await third.update({ signer: await signer() });
    const proposing = await alice.createGroup();
    await proposing.add(await bob.client.createKeyPackage());
    await proposing.mergePendingCommit();
    await proposing.propose({ update: { signer: await signer() } });
    const again = await opened(storage);
    for (const one of alice.knownGroups()) expect((await again.group(one))?.active).toBe(true);
    await (await again.group(third.groupId))?.mergePendingCommit();
    expect((await again.group(third.groupId))?.epoch).toBe(staged.epoch);
    const b = await bob.client.createGroup();
    const { welcome } = await b.add(keyPackage);
    expect((await again.join(welcome as Uint8Array)).active).toBe(true);
    expect((await (await opened(storage)).group(group.groupId))?.active).toBe(true);
  });

  it("are there for another opener", async () => {
    const storage = new TestStorage();
    const [left, right] = [await opened(storage), await opened(storage)];
    const group = await left.createGroup();
    await right.refresh();
    const other = (await right.group(group.groupId)) as Group;
    await group.update({ signer: await signer() });
    await group.mergePendingCommit();
    await other.encrypt("with another signer");
    expect(right.signatureKey).toEqual(left.signatureKey);
    const third = await left.createGroup({ signer: await signer() });
    await right.refresh();
    expect((await right.group(third.groupId))?.active).toBe(true);
  });

  it("stay the application's, if their keys aren't to be had", async () => {
    const storage = new TestStorage();
    const alice = await opened(storage);
    const { algorithm, publicKey, sign } = await signer();
    const token = { algorithm, publicKey, sign };
    const group = await alice.createGroup({ signer: token });
    const again = await opened(storage);
    expect(await failure(again.group(group.groupId))).toEqual(code("missing-signer"));
    again.addSigner(token);
    expect((await again.group(group.groupId))?.active).toBe(true);
  });
});
