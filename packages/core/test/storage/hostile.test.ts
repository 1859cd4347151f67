// Many calls at once, damaged entries, providers that give no keys away, hooks that call back, and calls that are given up.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Group, generateSigner, MlsError } from "@copse/core";
import { memoryStorage, openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, it } from "vitest";
import { bound, found, opened, SUITE, TestStorage, team } from "./stores.js";

it("many calls at once share writes, and all of them are safe", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const times = Array.from({ length: 20 }, (_, i) => i);
  const { writes } = storage;
  const [groups] = await Promise.all([
    Promise.all(times.map(() => alice.createGroup())),
    Promise.all(times.map(() => alice.createKeyPackage())),
  ]);
  expect(storage.writes - writes).toBeLessThan(40);
  const messages = await Promise.all(groups.flatMap((group) => times.map((i) => group.encrypt(`${i}`))));
  expect(messages).toHaveLength(400);
  const again = await opened(storage);
  expect(again.keyPackages()).toHaveLength(20);
  expect(again.knownGroups()).toHaveLength(20);
  for (const { groupId, epochAuthenticator } of groups)
    expect((await again.group(groupId))?.epochAuthenticator).toEqual(epochAuthenticator);
});

it("a failed write that many calls share fails all of them, and nothing of them is left", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const before = await storage.all();
  storage.fates.push("lost", "lost", "lost", "lost", "lost", "lost");
  const calls = [1, 2, 3].flatMap(() => [alice.createGroup(), alice.createKeyPackage()]);
  for (const one of await Promise.allSettled(calls)) expect(one).toMatchObject({ reason: code("storage") });
  storage.fates.length = 0;
  await alice.refresh();
  expect(alice.keyPackages()).toEqual([]);
  expect(alice.knownGroups()).toEqual([]);
  expect(await storage.all()).toEqual(before);
  await alice.createKeyPackage();
  expect((await opened(storage)).keyPackages()).toHaveLength(1);
});

describe("a damaged entry", () => {
  const parts = ["tree", "state", "sum", "nodes", "ratchets", "past", "candidate", "proposal"];
  it.each(["signer", "groups", "key-packages", "version", ...parts])("%s is refused", async (what) => {
    const { storage: inner, alice, a: group, b } = await team();
    await alice.createKeyPackage();
    const carol = await party("carol", { suite: SUITE });
    await b.receive((await group.add(await carol.client.createKeyPackage())).commit);
    await group.mergePendingCommit();
    await group.encrypt("hello");
    await group.receive(await b.propose({ update: true }));
    await group.update();
    for (const damage of [
      (value: Uint8Array) => value.map((byte, i) => (i === value.length >> 1 ? byte ^ 1 : byte)),
      (value: Uint8Array) => value.slice(0, value.length >> 1),
      () => new Uint8Array(),
      () => undefined,
    ]) {
      const copy = memoryStorage();
      for (const { key, value } of await inner.list("")) {
        const isMeant = key.split("/").includes(what) && !(what === "version" && key.startsWith("client"));
        await copy.write([{ key, value: isMeant ? damage(value) : value }], []);
      }
      const use = async () => {
        const again = await opened(copy);
        const loaded = await again.group(group.groupId);
        await loaded?.encrypt("again");
        await again.createKeyPackage();
      };
      // A group ID that is changed is another one, and what isn't there was never made: but not a part of a group.
      const isNoticed = damage(new Uint8Array(3)) !== undefined && !["groups", "version"].includes(what);
      const isPart = parts.includes(what);
      const error: unknown = await use().catch((error: unknown) => error);
      if (isNoticed || isPart) expect(error).toEqual(code("state"));
      else if (error !== undefined) expect(error).toBeInstanceOf(MlsError);
    }
  });
});

it("a provider that gives no keys away is refused clearly by a storage of bytes, and with a signer too", async () => {
  const crypto = await webCryptoProvider();
  const bytesOnly = () => bound(memoryStorage());
  expect(await failure(opened(bytesOnly(), "alice", { crypto }))).toEqual(code("key-not-extractable"));
  const signer = await generateSigner(crypto, SUITE);
  const alice = await opened(bytesOnly(), "alice", { crypto, signer });
  expect(await failure(alice.createKeyPackage())).toEqual(code("key-not-extractable"));
  expect(await failure(alice.createGroup())).toEqual(code("key-not-extractable"));
  expect(alice.knownGroups()).toEqual([]);
});

it("one whose keys can be exported is taken", async () => {
  const storage = new TestStorage();
  const crypto = await webCryptoProvider({ extractable: true });
  const alice = await opened(storage, "alice", { crypto });
  const group = await alice.createGroup();
  await group.update();
  const again = await (await opened(storage, "alice", { crypto })).group(group.groupId);
  await again?.mergePendingCommit();
  expect(again?.epoch).toBe(1n);
});

it("hooks may ask for groups, and not wait for their own", async () => {
  const storage = new TestStorage();
  const asyncContext = new AsyncLocalStorage();
  const seen: unknown[] = [];
  const common = { crypto: nodeProvider(), suite: SUITE, credential: "alice", storage, asyncContext };
  const alice = await openClient({
    ...common,
    authentication: {
      validate: async () => {
        await Promise.resolve();
        for (const { groupId } of alice?.knownGroups() ?? []) seen.push(await alice.group(groupId));
        seen.push(await alice?.refresh().catch((error: MlsError) => error.code));
        return true;
      },
      isSuccessor: () => true,
    },
  });
  const group = await alice.createGroup();
  const bob = await party("bob", { suite: SUITE });
  await group.add(await bob.client.createKeyPackage());
  expect(seen).toContain(group);
  expect(seen).toContain("reentrant");
});

it("a call of the client that is given up while it is written may have taken effect", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const hold = storage.hold();
  const controller = new AbortController();
  const call = alice.createGroup({ signal: controller.signal });
  await hold.reached;
  controller.abort();
  expect(await failure(call)).toEqual(code("storage"));
  hold.open();
  await alice.createKeyPackage();
  const [known] = alice.knownGroups();
  expect((await alice.group(known?.groupId as Uint8Array))?.active).toBe(true);
});

it("a last-resort key package remembers its groups", async () => {
  const storage = new TestStorage();
  const options = { extensions: [lastResort] };
  const alice = await opened(storage, "alice", options);
  const keyPackage = await alice.createKeyPackage(MARKED);
  const bob = await party("bob", { suite: SUITE, extensions: [lastResort] });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(keyPackage);
  await b.mergePendingCommit();
  const a = await alice.join(welcome as Uint8Array);
  const again = await opened(storage, "alice", options);
  expect(again.keyPackages()).toHaveLength(1);
  await again.deleteGroup(a.groupId);
  expect(await failure(again.join(welcome as Uint8Array))).toEqual(code("duplicate"));
});

it("expired key packages leave the storage", async () => {
  const storage = new TestStorage();
  let now = 1_800_000_000;
  const policy = { now: () => now * 1000 };
  const alice = await opened(storage, "alice", { policy });
  await alice.createKeyPackage();
  now += 400 * 24 * 3600;
  await alice.createKeyPackage();
  expect((await storage.all()).filter(([key]) => key.includes("key-packages"))).toHaveLength(1);
});

it("a group that is deleted while calls wait can be made again", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const groupId = new Uint8Array([5]);
  const group = await alice.createGroup({ groupId });
  const calls = [group.encrypt("1"), group.update(), group.encrypt("2")].map((call) => failure(call));
  expect(await alice.deleteGroup(groupId)).toBe(true);
  for (const error of await Promise.all(calls)) expect(error).toEqual(code("closed"));
  const anew: Group = await alice.createGroup({ groupId });
  expect((await found(storage, groupId)).epochAuthenticator).toEqual(anew.epochAuthenticator);
  const bob = await party("bob", { suite: SUITE });
  const { welcome } = await anew.add(await bob.client.createKeyPackage());
  await anew.mergePendingCommit();
  await send(anew, [await bob.client.join(welcome as Uint8Array)], "hello");
});

it("300 key packages are made in few writes, found, and deleted", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 100 }, () => alice.createKeyPackage()));
  const again = await opened(storage);
  const all = again.keyPackages();
  expect(all).toHaveLength(300);
  await Promise.all(all.map(({ reference }) => again.deleteKeyPackage(reference)));
  expect((await storage.all()).map(([key]) => key)).toEqual(["client/signer", "client/version"]);
  expect(storage.writes).toBeLessThan(20);
});
