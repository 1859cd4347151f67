// RFC 9420 §5.1.2: a signer that a call was given leaves the storage with the write by which nothing needs it any more.
import { type Group, generateSigner, type StagedCommit } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { adopt, keepEpochs, keptCommits, settle } from "@copse/core/rewind";
import type { StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type Party, party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "./stores.js";

const newSigner = () => generateSigner(nodeProvider(), SUITE);
const policy = { rewind: keepEpochs({ epochs: 2, age: 3600 }) };

interface World {
  readonly storage: TestStorage;
  readonly alice: StoredClient;
  readonly bob: Party;
}

async function world(options: object = {}): Promise<World> {
  const storage = new TestStorage();
  return {
    storage,
    alice: await opened(storage, "alice", options),
    bob: await party("bob", { suite: SUITE }),
  };
}

const signersIn = async (storage: TestStorage): Promise<number> =>
  (await storage.list("client/signers/")).length;

/** Calls that are given a signer, and what makes it unneeded. */
const ROWS: Readonly<Record<string, (here: World) => Promise<() => Promise<unknown>>>> = {
  "a group that is deleted": async ({ alice }) => {
    const { groupId } = await alice.createGroup({ signer: await newSigner() });
    return () => alice.deleteGroup(groupId);
  },
  "a group that is deleted and isn't loaded": async ({ alice, storage }) => {
    const { groupId } = await alice.createGroup({ signer: await newSigner() });
    const again = await opened(storage);
    return () => again.deleteGroup(groupId);
  },
  "a key package that is deleted": async ({ alice }) => {
    await alice.createKeyPackage({ signer: await newSigner() });
    const [{ reference } = { reference: new Uint8Array() }] = alice.keyPackages();
    return () => alice.deleteKeyPackage(reference);
  },
  "a commit that is merged, and another after it": async ({ alice }) => {
    const group = await alice.createGroup({ signer: await newSigner() });
    await group.update({ signer: await newSigner() });
    await group.mergePendingCommit();
    // Both are needed: the first one by new key packages, perhaps.
    await group.update({ signer: await newSigner() });
    await group.mergePendingCommit();
    return () => alice.deleteGroup(group.groupId);
  },
  "an Update that the epoch's end forgets": async ({ alice, bob }) => {
    const group = await alice.createGroup();
    const { welcome } = await group.add(await bob.client.createKeyPackage());
    await group.mergePendingCommit();
    const b = await bob.client.join(welcome as Uint8Array);
    await group.propose({ update: { signer: await newSigner() } });
    const { commit } = await b.update();
    return () => group.receive(commit);
  },
  "an external commit that is discarded": async ({ alice, bob }) => {
    const groupInfo = await (await bob.client.createGroup()).groupInfo();
    const { staged } = await joinByExternalCommit(alice, groupInfo, { signer: await newSigner() });
    return () => staged.discard();
  },
};

describe.each(Object.entries(ROWS))("of %s", (_, row) => {
  it("nothing is left", async () => {
    const here = await world();
    const end = await row(here);
    expect(await signersIn(here.storage)).toBeGreaterThan(0);
    await end();
    // An identity that a group has switched to goes with the next write of a client that was opened since.
    const again = await opened(here.storage);
    await again.createKeyPackage();
    expect(await signersIn(here.storage)).toBe(0);
  });
});

it("it stays as long as anything needs it: another group, a key package, one that isn't loaded", async () => {
  const { storage, alice, bob } = await world();
  const signer = await newSigner();
  const [first, second] = [await alice.createGroup({ signer }), await alice.createGroup({ signer })];
  const keyPackage = await alice.createKeyPackage({ signer });
  expect(await signersIn(storage)).toBe(1);
  const again = await opened(storage);
  await again.deleteGroup(first.groupId);
  expect(await signersIn(storage)).toBe(1);
  await again.deleteGroup(second.groupId);
  expect(await signersIn(storage)).toBe(1);
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(keyPackage);
  await b.mergePendingCommit();
  const joined = await (await opened(storage)).join(welcome as Uint8Array);
  await b.receive(await joined.encrypt("hello"));
  expect(await signersIn(storage)).toBe(1);
  await (await opened(storage)).deleteGroup(b.groupId);
  expect(await signersIn(storage)).toBe(0);
});

it("a discarded commit needs its own until the epoch ends, since it may be merged", async () => {
  const { storage, alice } = await world();
  const group = await alice.createGroup();
  const staged = await group.update({ signer: await newSigner() });
  await staged.discard();
  expect(await signersIn(storage)).toBe(1);
  const again = (await (await opened(storage)).group(group.groupId)) as Group;
  await again.update();
  await again.mergePendingCommit();
  expect(await signersIn(storage)).toBe(0);
});

it("a kept epoch needs its own until it is settled", async () => {
  const { storage, alice } = await world({ policy });
  const group = await alice.createGroup();
  const other = await group.update({ signer: await newSigner() });
  await other.discard();
  const taken = await group.update();
  await taken.merge();
  expect(await signersIn(storage)).toBe(1);
  const again = (await (await opened(storage, "alice", { policy })).group(group.groupId)) as Group;
  const kept = keptCommits(again).find(({ inForce }) => !inForce)?.commit as StagedCommit;
  await adopt(again, kept);
  await again.encrypt("with its signer");
  expect(await signersIn(storage)).toBe(1);
  await settle(again);
  expect(await signersIn(storage)).toBe(1);
});

it("an opener whose identity it is puts it back with a key package that needs it", async () => {
  const { storage, alice } = await world();
  const group = await alice.createGroup();
  await group.update({ signer: await newSigner() });
  await group.mergePendingCommit();
  const other = await opened(storage);
  await other.deleteGroup(group.groupId);
  expect(await signersIn(storage)).toBe(0);
  // Alice's new key packages have the identity that her group had switched to.
  const keyPackage = await alice.createKeyPackage();
  expect(await signersIn(storage)).toBe(1);
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(keyPackage);
  await b.mergePendingCommit();
  // An opener that was there before it gets its signer, too.
  const joined = await other.join(welcome as Uint8Array);
  await b.receive(await joined.encrypt("hello"));
});

it("of suites with long keys the names are short enough for any storage", async () => {
  const storage = new TestStorage();
  const suite = 5;
  const alice = await opened(storage, "alice", { suite });
  await alice.createGroup({ signer: await generateSigner(nodeProvider(), suite) });
  const [[name] = [""]] = (await storage.all()).filter(([key]) => key.startsWith("client/signers/"));
  expect(name).toMatch(/^client\/signers\/[0-9a-f]{64}$/);
});
