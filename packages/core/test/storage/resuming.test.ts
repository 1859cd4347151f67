// RFC 9420 §11.2, §11.3: groups that resume another one, made by a client with a storage: whole, or not at all.
import { type Group, generateSigner } from "@copse/core";
import { branch, reinitialize } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { found, type Hold, ID, opened, SUITE, TestStorage, team } from "./stores.js";

const NEXT = new Uint8Array([7]);
const REINIT = { groupId: NEXT, cipherSuite: SUITE, extensions: [] };

it("one that fails leaves nothing, and can be made anew", async () => {
  const { storage, alice, a, b, bob } = await team();
  await a.receive((await b.commit({ reinit: REINIT })).commit);
  const before = (await storage.all()).filter(([key]) => key !== "client/version");
  expect(await failure(reinitialize(alice, a, { add: [] }))).toEqual(code("validation"));
  expect((await storage.all()).filter(([key]) => key !== "client/version")).toEqual(before);
  expect(alice.knownGroups()).toHaveLength(1);
  const add = [await bob.client.createKeyPackage()];
  expect((await reinitialize(alice, a, { add })).group.members).toHaveLength(2);
});

it("one is made by one write, and one that isn't written can be made anew, also after a restart", async () => {
  const { storage, alice, a, b, bob } = await team();
  await a.receive((await b.commit({ reinit: REINIT })).commit);
  await b.mergePendingCommit();
  const add = [await bob.client.createKeyPackage()];
  // All that it writes.
  for (let i = 0; i < 4; i++) storage.fates.push("lost");
  expect(await failure(reinitialize(alice, a, { add }))).toEqual(code("storage"));
  storage.fates.length = 0;
  const anew = await opened(storage);
  for (const client of [alice, anew]) expect(client.knownGroups()).toHaveLength(1);
  const { writes } = storage;
  const { group, welcome } = await reinitialize(anew, (await anew.group(ID)) as Group, { add });
  expect(storage.writes).toBe(writes + 1);
  const joined = await bob.client.join(welcome as Uint8Array, { previous: b });
  expect(joined.epochAuthenticator).toEqual(group.epochAuthenticator);
  expect((await found(storage, NEXT)).epochAuthenticator).toEqual(group.epochAuthenticator);
  expect(group).toMatchObject({ epoch: 1n, resumes: { by: "reinit", groupId: ID } });
});

it("one whose write is made, and not answered, leaves nothing", async () => {
  const { storage, alice, a, bob } = await team();
  storage.fates.push("late");
  const add = [await bob.client.createKeyPackage()];
  const signer = await generateSigner(nodeProvider(), SUITE);
  expect(await failure(branch(alice, a, { add, signer }))).toEqual(code("storage"));
  expect(storage.fates).toEqual([]);
  expect((await opened(storage)).knownGroups()).toHaveLength(1);
  const below = async (prefix: string) => (await storage.all()).filter(([key]) => key.startsWith(prefix));
  expect(await below("client/groups/")).toHaveLength(1);
  expect(await below("client/signers/")).toEqual([]);
});

it("one that is given up while the storage waits ends at once, and is gone when the storage goes on", async () => {
  const storage = new TestStorage();
  const write = storage.write.bind(storage);
  const ended = new AbortController();
  let hold: Hold | undefined;
  let count: number | undefined;
  // The client keeps the functions that it was opened with.
  storage.write = (...change) => {
    if (count !== undefined && ++count === 1) {
      hold = storage.hold();
      setTimeout(() => ended.abort());
    }
    return write(...change);
  };
  const { alice, a, bob } = await team(storage);
  const add = [await bob.client.createKeyPackage()];
  count = 0;
  expect(await failure(branch(alice, a, { add, signal: ended.signal }))).toEqual(code("storage"));
  hold?.open();
  await alice.createKeyPackage();
  expect((await opened(storage)).knownGroups()).toHaveLength(1);
});

it("the group that is resumed is read again after a write that failed", async () => {
  const { storage, alice, a, bob } = await team();
  storage.fates.push("lost");
  expect(await failure(a.encrypt("lost"))).toEqual(code("storage"));
  const { group } = await branch(alice, a, { add: [await bob.client.createKeyPackage()] });
  expect(group.resumes).toMatchObject({ by: "branch", groupId: ID });
});

it("the group that is resumed is looked at, if another opener has ended it", async () => {
  const { storage, a, b, bob } = await team();
  const right = await opened(storage);
  const a2 = (await right.group(ID)) as Group;
  const { commit } = await b.commit({ reinit: REINIT });
  await a.receive(commit);
  const add = [await bob.client.createKeyPackage()];
  expect((await reinitialize(right, a2, { add })).group.resumes).toMatchObject({ by: "reinit" });
});
