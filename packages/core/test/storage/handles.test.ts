// RFC 9420 §9.2, §16.2: private keys that can't be exported are in the storage itself, as objects of the platform: each from the
// write that first refers to it until the one that doesn't any more.
import { type Group, generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type ClientStorage, memoryStorage, sealedStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { beforeAll, describe, expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "./stores.js";

let crypto: Awaited<ReturnType<typeof webCryptoProvider>>;
beforeAll(async () => {
  crypto = await webCryptoProvider();
});

/** A storage that returns another object each time, as IndexedDB does. */
function cloning(inner: ClientStorage = memoryStorage()): ClientStorage {
  const clone = (handle: object | undefined) => handle && structuredClone(handle);
  return {
    handles: true,
    get: (key) => inner.get(key),
    list: async (prefix) =>
      (await inner.list(prefix)).map((entry) => ({ ...entry, handle: clone(entry.handle) })),
    write: (changes, steps) =>
      inner.write(
        changes.map((change) => ({ ...change, handle: clone(change.handle) })),
        steps,
      ),
  };
}

/** How many keys there are, besides the signer's. */
async function keysIn(storage: ClientStorage): Promise<number> {
  const entries = (await storage.list("")).filter(({ handle }) => handle !== undefined);
  for (const { handle } of entries) expect(handle).toMatchObject({ type: "private", extractable: false });
  return entries.filter(({ key }) => !key.startsWith("client/signer")).length;
}

async function two(storage: ClientStorage = cloning()) {
  const open = () => opened(storage, "alice", { crypto });
  const alice = await open();
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(await alice.createKeyPackage());
  await b.mergePendingCommit();
  const a = await alice.join(welcome as Uint8Array);
  return { storage, open, alice, bob, a, b };
}

const again = async ({ open, b }: Awaited<ReturnType<typeof two>>) =>
  (await (await open()).group(b.groupId)) as Group;

describe("keys that can't be exported", () => {
  it("are there after a restart: the signer's, those of key packages and of groups", async () => {
    const here = await two();
    const { open, alice, b, bob, storage } = here;
    const keyPackage = await alice.createKeyPackage();
    const client = await open();
    expect(client.signatureKey).toEqual(alice.signatureKey);
    const a = (await client.group(b.groupId)) as Group;
    await b.receive((await a.update()).commit);
    await a.receive(await b.encrypt("late")).catch(() => undefined);
    const third = await again(here);
    await third.mergePendingCommit();
    await third.receive((await b.update()).commit);
    await b.mergePendingCommit();
    await send(third, [b], "with the new keys");
    const other = await bob.client.createGroup();
    const { welcome } = await other.add(keyPackage);
    expect((await (await open()).join(welcome as Uint8Array)).active).toBe(true);
    expect((await storage.list("")).some(({ value }) => value.length === 0)).toBe(false);
  });

  it("go with the write that removes the last reference", async () => {
    const { storage, alice, a, b } = await two();
    expect(await keysIn(storage), "the leaf key").toBe(1);
    for (let i = 0; i < 3; i++) {
      const { commit } = await a.update();
      expect(await keysIn(storage)).toBeLessThanOrEqual(4);
      await b.receive(commit);
      await a.mergePendingCommit();
      expect(await keysIn(storage), "a leaf key and a path key").toBe(2);
      await a.receive((await b.update()).commit);
      await b.mergePendingCommit();
      expect(await keysIn(storage)).toBeLessThanOrEqual(2);
    }
    const before = await keysIn(storage);
    await alice.createKeyPackage();
    expect(await keysIn(storage)).toBe(before + 2);
    for (const { reference } of alice.keyPackages()) await alice.deleteKeyPackage(reference);
    expect(await keysIn(storage)).toBe(before);
    await a.propose({ update: true });
    expect(await keysIn(storage)).toBe(before + 1);
    await alice.deleteGroup(b.groupId);
    expect(await keysIn(storage)).toBe(0);
    expect((await storage.list("")).map(({ key }) => key)).toEqual(["client/signer", "client/version"]);
  });

  it("go when the client is removed", async () => {
    const { storage, a, b } = await two();
    await a.receive((await b.remove(a.ownLeafIndex)).commit);
    expect(await keysIn(storage)).toBe(0);
  });

  it("stay what they were if a write fails", async () => {
    const failing = new TestStorage(cloning());
    const storage: ClientStorage = {
      handles: true,
      get: (key) => failing.get(key),
      list: (prefix) => failing.list(prefix),
      write: (...write) => failing.write(...write),
    };
    const { a, b, alice } = await two(storage);
    for (const fate of ["lost", "late", "refused"] as const) {
      failing.fates.push(fate);
      await a.commit({ forcePath: true, replacePending: true }).catch(() => undefined);
      failing.fates.push(fate);
      await alice.createKeyPackage().catch(() => undefined);
    }
    const staged = await a.commit({ forcePath: true, replacePending: true });
    await b.receive(staged.commit);
    await staged.merge();
    await send(a, [b], "still here");
    for (const { reference } of alice.keyPackages()) await alice.deleteKeyPackage(reference);
    expect(await keysIn(storage)).toBe(2);
  });

  it("of a key package of last resort are in each of its groups", async () => {
    const options = { crypto, extensions: [lastResort] };
    const storage = cloning();
    const alice = await opened(storage, "alice", options);
    const bob = await party("bob", { suite: SUITE, extensions: [lastResort] });
    const keyPackage = await alice.createKeyPackage(MARKED);
    const groups: Group[] = [];
    for (let i = 0; i < 2; i++) {
      const other = await bob.client.createGroup();
      const { welcome } = await other.add(keyPackage);
      await other.mergePendingCommit();
      await alice.join(welcome as Uint8Array);
      groups.push(other);
    }
    expect(await keysIn(storage)).toBe(4);
    const client = await opened(storage, "alice", options);
    const [one, two] = groups as [Group, Group];
    await client.deleteGroup(one.groupId);
    for (const { reference } of client.keyPackages()) await client.deleteKeyPackage(reference);
    expect(await keysIn(storage)).toBe(1);
    const left = (await (await opened(storage, "alice", options)).group(two.groupId)) as Group;
    await left.receive((await two.update()).commit);
    await two.mergePendingCommit();
    await send(left, [two], "the leaf key is still there");
  });

  it("of an external join that is given up go", async () => {
    const { storage, alice, b } = await two();
    const options = { resync: true, replace: true };
    const { staged } = await joinByExternalCommit(alice, await b.groupInfo(), options);
    await staged.discard();
    expect(await keysIn(storage)).toBe(1);
  });

  it("of signers that calls were given are kept too", async () => {
    const { open, alice } = await two();
    const group = await alice.createGroup({ signer: await generateSigner(crypto, SUITE) });
    expect((await (await open()).group(group.groupId))?.active).toBe(true);
  });

  it("go through a storage that seals", async () => {
    const below = cloning();
    const cipher = await nodeStorageCipher(new Uint8Array(32).fill(7));
    const { storage, open, b, a } = await two(sealedStorage(below, cipher));
    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    expect(await keysIn(storage)).toBe(2);
    const left = (await (await open()).group(b.groupId)) as Group;
    await send(b, [left], "sealed");
  });

  it("whose rows are gone are named", async () => {
    const { storage, open, b } = await two();
    const rows = (await storage.list("group/")).filter(({ handle }) => handle !== undefined);
    await storage.write(
      rows.map(({ key }) => ({ key, value: undefined })),
      [],
    );
    expect(await failure((await open()).group(b.groupId))).toEqual(code("state"));
  });
});

it("a state with keys as bytes is gone on from, and new keys are handles", async () => {
  const storage = cloning();
  const alice = await opened(storage, "alice", { crypto: nodeProvider() });
  const bob = await party("bob", { suite: SUITE });
  const group = await alice.createGroup();
  const { welcome } = await group.add(await bob.client.createKeyPackage());
  await group.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  expect(await keysIn(storage)).toBe(0);
  const client = await opened(storage, "alice", { crypto });
  const a = (await client.group(group.groupId)) as Group;
  await b.receive((await a.update()).commit);
  await a.mergePendingCommit();
  await send(a, [b], "on another provider");
  expect(await keysIn(storage)).toBe(2);
});
