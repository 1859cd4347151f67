// RFC 9420 §9.2, §16.2: saved states that are brought into a storage, which may have them, or have ended their keys.
import { type Bytes, generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import { keepEpochs } from "@copse/core/rewind";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type PartyOptions, party, savedKeyPackages } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { ID, opened, SUITE, TestStorage } from "./stores.js";

/** Alice, whose keys are in a key store, and a group of Bob's. */
async function start(options: Partial<PartyOptions> = {}) {
  const { crypto, store } = watched(true);
  const storage = new TestStorage();
  const open = () => opened(storage, "alice", { crypto, extensions: [lastResort], ...options });
  const bob = await party("bob", { suite: SUITE, extensions: [lastResort] });
  const b = await bob.client.createGroup({ groupId: ID });
  const invite = async (keyPackage: Bytes) => {
    const { welcome } = await b.add(keyPackage);
    await b.mergePendingCommit();
    return welcome as Uint8Array;
  };
  return { store, storage, open, alice: await open(), b, invite };
}

/** Whether a client that is opened anew can use all of its groups. */
async function expectUsable(fresh: StoredClient, statuses: readonly string[]): Promise<void> {
  const known = fresh.knownGroups();
  expect(known.map(({ status }) => status)).toEqual(statuses);
  for (const one of known) expect(await fresh.group(one)).toBeDefined();
}

describe("a group isn't restored beside the one that the storage has, though that isn't open:", () => {
  it("one that has ended by a ReInit", async () => {
    const { open, alice } = await start();
    const group = await alice.createGroup();
    const saved = await group.save();
    await group.commit({ reinit: { groupId: new Uint8Array(8), cipherSuite: SUITE, extensions: [] } });
    await group.mergePendingCommit();
    await group.close();
    expect(await failure(alice.restore(saved))).toEqual(code("group-exists"));
    await expectUsable(await open(), ["reinitialized"]);
  });

  it("one that this client was removed from, and keeps epochs of", async () => {
    const policy = { rewind: keepEpochs({ epochs: 3, age: 3600 }) };
    const { open, alice, b, invite } = await start({ policy });
    const group = await alice.join(await invite(await alice.createKeyPackage()));
    const saved = await group.save();
    const { commit } = await b.remove(group.ownLeafIndex);
    await group.receive(commit);
    expect(await failure(alice.restore(saved))).toEqual(code("group-exists"));
    await expectUsable(await open(), ["removed"]);
  });

  it("one that this client joins, or has joined, by an external commit", async () => {
    const { open, alice, b } = await start();
    const join = await joinByExternalCommit(alice, await b.groupInfo());
    const saved = await join.group.save();
    await join.group.close();
    expect(await failure(alice.restore(saved))).toEqual(code("group-exists"));
    await b.receive(join.commit);
    const again = await alice.group(b.groupId, { joining: true });
    await again?.staged[0]?.merge();
    await again?.close();
    expect(await failure(alice.restore(saved))).toEqual(code("group-exists"));
    await expectUsable(await open(), ["active"]);
  });
});

it("a group and its external join, which are brought in together, are restored", async () => {
  const signer = await generateSigner(nodeProvider(), SUITE);
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup({ groupId: ID });
  const former = (await party("alice", { suite: SUITE, signer })).client;
  const { welcome } = await b.add(await former.createKeyPackage());
  await b.mergePendingCommit();
  const group = await former.join(welcome as Uint8Array);
  const options = { replace: true, resync: "if-member" } as const;
  const join = await joinByExternalCommit(former, await b.groupInfo(), options);
  const alice = await opened(memoryStorage(), "alice", { signer });
  for (const saved of [await join.group.save(), await group.save()]) await alice.restore(saved);
  expect(alice.knownGroups().map(({ status }) => status)).toEqual(["joining", "active"]);
});

it("a group whose deletion is being written is restored after it", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const saved = await (await alice.createGroup({ groupId: ID })).save();
  const hold = storage.hold();
  const deleting = alice.deleteGroup(ID);
  await hold.reached;
  const restoring = alice.restore(saved);
  await new Promise((resolve) => setTimeout(resolve, 20));
  hold.open();
  expect(await deleting).toBe(true);
  expect((await restoring).active).toBe(true);
});

describe("a group that is deleted while its saved state is read isn't restored without its keys,", () => {
  it.each(["this", "another", "this, by a write that fails and is made,"])("by %s opener", async (who) => {
    const { crypto, store } = watched(true);
    const suite = crypto.suite(SUITE);
    let wait: (() => Promise<void>) | undefined;
    const loadPrivateKey = async (saved: Uint8Array) => {
      const key = await suite.hpke.loadPrivateKey?.call(suite.hpke, saved);
      const waiting = wait?.();
      wait = undefined;
      await waiting;
      return key as NonNullable<typeof key>;
    };
    const slow = { ...crypto, suite: () => ({ ...suite, hpke: { ...suite.hpke, loadPrivateKey } }) };
    const inner = memoryStorage();
    const storage = new TestStorage(inner);
    const open = (of = inner) => opened(of, "alice", { crypto: slow });
    const [one, other] = [await open(storage), await open()];
    const saved = await (await one.createGroup({ groupId: ID })).save();
    await other.refresh();
    wait = async () => {
      if (who.includes("fails")) storage.fates.push("late");
      await (who === "another" ? other : one).deleteGroup(ID).catch(() => undefined);
      await one.refresh();
    };
    expect(await failure(one.restore(saved))).toEqual(code("state"));
    expect(store.size).toBe(0);
    await expectUsable(await open(), []);
  });
});

describe("saved key packages don't bring back", () => {
  it("one that is used just then", async () => {
    const { storage, open, alice, invite } = await start();
    const welcome = await invite(await alice.createKeyPackage());
    const saved = await alice.saveKeyPackages();
    const hold = storage.hold();
    const joining = alice.join(welcome);
    await hold.reached;
    const loading = alice.loadKeyPackages(saved);
    hold.open();
    await Promise.all([joining, loading]);
    expect(alice.keyPackages()).toEqual([]);
    await expectUsable(await open(), ["active"]);
  });

  it("one that a join has used, though the write of that failed", async () => {
    const { storage, open, alice, invite } = await start();
    const welcome = await invite(await alice.createKeyPackage());
    const saved = await alice.saveKeyPackages();
    storage.fates.push("late");
    expect(await failure(alice.join(welcome))).toEqual(code("storage"));
    await alice.loadKeyPackages(saved);
    expect(alice.keyPackages()).toEqual([]);
    await expectUsable(await open(), ["active"]);
  });

  it("one that another opener has used, by a join whose write failed and was made", async () => {
    const { storage, store, open, alice, invite } = await start();
    const welcome = await invite(await alice.createKeyPackage());
    const saved = await alice.saveKeyPackages();
    storage.fates.push("late");
    expect(await failure(alice.join(welcome))).toEqual(code("storage"));
    await alice.refresh();
    const other = await open();
    await other.loadKeyPackages(saved);
    expect(other.keyPackages()).toEqual([]);
    expect(await failure(other.join(welcome, { replace: true }))).toEqual(code("not-invited"));
    await expectUsable(await open(), ["active"]);
    await alice.deleteGroup(ID);
    expect(store.size).toBe(0);
  });

  it("what one of last resort was not used for yet", async () => {
    const { open, alice, invite } = await start();
    const welcome = await invite(await alice.createKeyPackage(MARKED));
    const saved = await alice.saveKeyPackages();
    await alice.join(welcome);
    await alice.loadKeyPackages(saved);
    expect(await failure(alice.join(welcome, { replace: true }))).toEqual(code("duplicate"));
    for (const { reference } of alice.keyPackages()) await alice.deleteKeyPackage(reference);
    await expectUsable(await open(), ["active"]);
  });
});

it("a key package that was imported, and deleted, isn't imported again", async () => {
  const signer = await generateSigner(nodeProvider(), SUITE);
  const other = await party("alice", { suite: SUITE, signer });
  const keyPackage = await other.client.createKeyPackage();
  const [keys] = await savedKeyPackages(other.client);
  const { initKey, leafKey } = keys as NonNullable<typeof keys>;
  const alice = await opened(memoryStorage(), "alice", { signer });
  const bring = () => importKeyPackage(alice, { keyPackage, initKey, leafKey });
  await bring();
  expect(await failure(bring())).toEqual(code("usage"));
  for (const { reference } of alice.keyPackages()) await alice.deleteKeyPackage(reference);
  expect(await failure(bring())).toEqual(code("usage"));
  expect(alice.keyPackages()).toEqual([]);
});

it("saved key packages whose load is refused can be loaded again", async () => {
  const { crypto } = watched(true);
  const inner = memoryStorage();
  const storage = new TestStorage(inner);
  const former = await opened(memoryStorage(), "alice", { crypto });
  await former.createKeyPackage();
  const saved = await former.saveKeyPackages();
  const [one, other] = [await opened(storage, "alice", { crypto }), await opened(inner, "alice", { crypto })];
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup({ groupId: ID });
  const { welcome } = await b.add(await one.createKeyPackage());
  await other.refresh();
  const staged = await one.readWelcome(welcome as Uint8Array);
  const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
  // Both share the write after the first one: the join's look at the storage was before that.
  const go = storage.slow();
  const joining = failure(staged.join());
  await soon();
  const hold = storage.hold();
  const first = one.createKeyPackage();
  await hold.reached;
  const loading = failure(one.loadKeyPackages(saved));
  go();
  await soon();
  await other.join(welcome as Uint8Array);
  hold.open();
  expect(await Promise.all([joining, loading])).toEqual([code("stale-state"), code("stale-state")]);
  await first;
  await one.loadKeyPackages(saved);
  expect(one.keyPackages()).toHaveLength(2);
});

it("key packages of last resort remember all that older and later bytes say of them", async () => {
  const signer = await generateSigner(nodeProvider(), SUITE);
  const make = async () => (await party("alice", { suite: SUITE, signer, extensions: [lastResort] })).client;
  const [former, alice] = [await make(), await make()];
  const bob = await party("bob", { suite: SUITE, extensions: [lastResort] });
  const b = await bob.client.createGroup({ groupId: ID });
  const { welcome } = await b.add(await former.createKeyPackage(MARKED));
  const older = await former.saveKeyPackages();
  await former.join(welcome as Uint8Array);
  const latest = await former.saveKeyPackages();
  for (const saved of [older, latest, older]) await alice.loadKeyPackages(saved);
  expect(await failure(alice.join(welcome as Uint8Array))).toEqual(code("duplicate"));
});

describe("a staged Welcome whose join looks at the storage", () => {
  async function staged() {
    const { alice, storage, invite, open, b } = await start();
    const welcome = await invite(await alice.createKeyPackage());
    return { storage, open, b, one: await alice.readWelcome(welcome) };
  }

  it("isn't joined once it is discarded: its secrets are overwritten", async () => {
    const { storage, open, one } = await staged();
    const go = storage.slow();
    const joining = failure(one.join());
    await one.discard();
    go();
    expect(await joining).toEqual(code("usage"));
    await expectUsable(await open(), []);
  });

  it("is joined once", async () => {
    const { open, one } = await staged();
    const [first, second] = await Promise.allSettled([one.join(), one.join()]);
    expect(first.status).toBe("fulfilled");
    expect(second).toMatchObject({ reason: code("usage") });
    await expectUsable(await open(), ["active"]);
  });
});
