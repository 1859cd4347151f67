// RFC 9420 §10, §12, §16.2: a client that is opened again is as it was after its last answer.

import { Client, generateSigner, insecureAcceptAll, toHex } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { branch, reinitialize } from "@copse/core/resumption";
import { openClient, StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { text } from "@copse/test-support/bytes";
import { party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { found, ID, opened, SUITE, TestStorage, team } from "./stores.js";

describe("a client that is opened again", () => {
  it("has the signer that it made, and its suite", async () => {
    const storage = new TestStorage();
    const first = await opened(storage, "alice", { suite: 2 });
    const { crypto, authentication } = { crypto: nodeProvider(), authentication: insecureAcceptAll() };
    const again = await openClient({ storage, crypto, credential: "alice", authentication });
    expect(again).toBeInstanceOf(StoredClient);
    expect(again).toBeInstanceOf(Client);
    expect(again.cipherSuite.id).toBe(2);
    expect(again.signatureKey).toEqual(first.signatureKey);
    expect(storage.writes, "nothing is written by opening it again").toBe(1);
    expect(await failure(opened(storage, "alice", { suite: 1 }))).toEqual(code("state"));
  });

  it("needs the signer that it was opened with", async () => {
    const storage = new TestStorage();
    const signer = await generateSigner(nodeProvider(), SUITE);
    const first = await opened(storage, "alice", { signer });
    const { groupId } = await first.createGroup();
    expect(await failure(opened(storage))).toEqual(code("missing-signer"));
    const again = await opened(storage, "alice", { signer });
    expect((await again.group(groupId))?.active).toBe(true);
  });

  it("has groups with the signer that it made, if another one is given", async () => {
    const storage = new TestStorage();
    const { groupId } = await (await opened(storage)).createGroup();
    const signer = await generateSigner(nodeProvider(), SUITE);
    const again = await opened(storage, "alice", { signer });
    expect(again.signatureKey).toEqual(signer.publicKey);
    expect((await again.group(groupId))?.active).toBe(true);
  });

  it("has its key packages, and each opens one Welcome", async () => {
    const storage = new TestStorage();
    const first = await opened(storage);
    const [one, , three] = await Promise.all([1, 2, 3].map(() => first.createKeyPackage()));
    await first.deleteKeyPackage((await first.readKeyPackage(three as Uint8Array)).reference);
    const again = await opened(storage);
    const references = (client: Client) =>
      client
        .keyPackages()
        .map(({ reference }) => toHex(reference))
        .sort();
    expect(references(again)).toEqual(references(first));
    expect(again.keyPackages()).toHaveLength(2);
    const bob = await party("bob", { suite: SUITE });
    const b = await bob.client.createGroup();
    const { welcome } = await b.add(one as Uint8Array);
    await b.mergePendingCommit();
    const a = await again.join(welcome as Uint8Array);
    const third = await opened(storage);
    expect(third.keyPackages()).toHaveLength(1);
    expect(await failure(third.join(welcome as Uint8Array))).toEqual(code("not-invited"));
    await send((await third.group(a.groupId)) ?? a, [b], "here I am");
  });

  it("has its groups, each loaded when it is asked for", async () => {
    const { storage, a, b, alice } = await team();
    const other = await alice.createGroup();
    await send(a, [b], "one");
    const again = await opened(storage);
    expect(again.knownGroups()).toContainEqual(
      expect.objectContaining({ groupId: a.groupId, status: "active" }),
    );
    expect(again.knownGroups()).toHaveLength(2);
    const [loaded, same] = await Promise.all([again.group(ID), again.group(ID)]);
    expect(loaded).toBe(same);
    expect(await again.group(ID)).toBe(loaded);
    expect(await again.group(new Uint8Array(3))).toBeUndefined();
    expect(loaded?.epochAuthenticator).toEqual(b.epochAuthenticator);
    await send(loaded as typeof a, [b], "two");
    await send(b, [loaded as typeof a], "three");
    expect((await again.group(other.groupId))?.epoch).toBe(0n);
  });

  it("has received proposals, own Updates, and staged commits", async () => {
    const { storage, a, b } = await team();
    const carol = await party("carol", { suite: SUITE });
    await b.receive(await a.propose({ update: true }));
    await a.receive(await b.propose({ add: await carol.client.createKeyPackage() }));
    const again = await found(storage, ID);
    expect(again.proposals).toHaveLength(2);
    const own = await again.commit({ forcePath: true });
    const others = await again.stage((await b.commit()).commit);
    const third = await found(storage, ID);
    expect(third.staged.map(({ commit }) => commit)).toEqual([own.commit, others.commit]);
    expect(third.hasPendingCommit).toBe(true);
    await third.staged[1]?.merge();
    await b.mergePendingCommit();
    await send(third, [b], "the committed Update has its key");
    await send(b, [await found(storage, ID)], "and again");
  });

  it("has a group that it joins by an external commit, beside the one with the same ID", async () => {
    const { storage, alice, a, b } = await team();
    const { commit, group } = await joinByExternalCommit(alice, await b.groupInfo(), {
      resync: true,
      replace: true,
    });
    const again = await opened(storage);
    expect(
      again
        .knownGroups()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(["active", "joining"]);
    expect((await again.group(ID))?.epoch).toBe(a.epoch);
    expect(await failure(again.group(ID, { joining: true }))).toEqual(code("group-exists"));
    await (await again.group(ID))?.close();
    const joining = await again.group(ID, { joining: true });
    expect(joining?.active).toBe(false);
    expect(joining?.epoch).toBe(group.epoch);
    await b.receive(commit);
    // What the restored group doesn't know: that it replaces the other one.
    expect(await failure((joining as typeof a).mergePendingCommit())).toEqual(code("group-exists"));
    await again.deleteGroup(ID);
    await joining?.mergePendingCommit();
    const third = await opened(storage);
    expect(third.knownGroups()).toMatchObject([{ groupId: ID, status: "active" }]);
    await send((await third.group(ID)) as typeof a, [b], "back again");
  });

  it("has one group with an ID after the other was replaced", async () => {
    const { storage, alice, b } = await team();
    const { commit, staged } = await joinByExternalCommit(alice, await b.groupInfo(), {
      resync: true,
      replace: true,
    });
    await staged.merge();
    await b.receive(commit);
    expect(alice.knownGroups()).toHaveLength(1);
    const names = (await storage.all()).map(([key]) => key.split("/")).filter(([kind]) => kind === "group");
    expect(new Set(names.map(([, name]) => name)).size).toBe(1);
    await send(await found(storage, ID), [b], "back again");
  });

  it("forgets an external commit that was discarded", async () => {
    const { storage, b } = await team();
    const carol = await opened(new TestStorage(), "carol");
    const { staged } = await joinByExternalCommit(carol, await b.groupInfo());
    await staged.discard();
    expect(carol.knownGroups()).toEqual([]);
    expect(storage.writes).toBeGreaterThan(0);
  });

  it("knows that it was removed, until the group is deleted", async () => {
    const { storage, a, b } = await team();
    await a.receive((await b.remove(a.ownLeafIndex)).commit);
    const again = await opened(storage);
    expect(again.knownGroups()).toMatchObject([{ groupId: ID, status: "removed" }]);
    const group = await again.group(ID);
    expect(await failure((group as typeof a).encrypt("late"))).toEqual(code("removed"));
    expect(await again.deleteGroup(ID)).toBe(true);
    expect(await again.deleteGroup(ID)).toBe(false);
    expect((await storage.all()).map(([key]) => key)).toEqual(["client/signer", "client/version"]);
  });

  it("takes a group that was saved elsewhere", async () => {
    const signer = await generateSigner(nodeProvider(), SUITE);
    const alice = await party("alice", { suite: SUITE, signer });
    const group = await alice.client.createGroup({ groupId: ID });
    const saved = await group.save();
    const storage = new TestStorage();
    await (await opened(storage, "alice", { signer })).restore(saved);
    const again = await (await opened(storage, "alice", { signer })).group(ID);
    expect(again?.epochAuthenticator).toEqual(group.epochAuthenticator);
  });
});

describe("groups that aren't loaded", () => {
  it("stand in the way of another one with the same ID", async () => {
    const { storage, b } = await team();
    const again = await opened(storage);
    expect(await failure(again.createGroup({ groupId: ID }))).toEqual(code("group-exists"));
    expect(await failure(joinByExternalCommit(again, await b.groupInfo(), { resync: true }))).toEqual(
      code("group-exists"),
    );
    expect((await again.group(ID))?.active).toBe(true);
  });

  it("have the resumption PSKs of their subgroups", async () => {
    const { storage, alice, bob, b } = await team();
    const { welcome } = await branch(bob.client, b, { add: [await alice.createKeyPackage()] });
    const again = await opened(storage);
    const group = await again.join(welcome as Uint8Array);
    expect(group.resumes).toMatchObject({ by: "branch", groupId: ID });
  });

  it("have the group that follows them", async () => {
    const { storage, alice, bob, a, b } = await team();
    const reinit = { groupId: new Uint8Array([7]), cipherSuite: SUITE, extensions: [] };
    await a.receive((await b.commit({ reinit })).commit);
    await b.mergePendingCommit();
    const { welcome } = await reinitialize(bob.client, b, { add: [await alice.createKeyPackage()] });
    const again = await opened(storage);
    expect((await again.join(welcome as Uint8Array)).resumes).toMatchObject({ by: "reinit", groupId: ID });
    // A group with this ID that doesn't follow it.
    const stranger = await party("bob", { suite: SUITE });
    const other = await stranger.client.createGroup({ groupId: reinit.groupId });
    const { welcome: wrong } = await other.add(await again.createKeyPackage());
    expect(await failure((await opened(storage)).join(wrong as Uint8Array, { replace: true }))).toEqual(
      code("validation"),
    );
  });
});

it("what was received can't be received again", async () => {
  const { storage, a, b } = await team();
  const message = await b.encrypt("once");
  const received = await a.receive(message);
  expect(received.kind === "application" && text(received.data)).toBe("once");
  expect(await failure((await found(storage, ID)).receive(message))).toEqual(code("duplicate"));
});
