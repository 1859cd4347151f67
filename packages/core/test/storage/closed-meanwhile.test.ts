// RFC 9420 §9.2, §16.2: groups that are closed while a write of theirs is on its way, with keys in a key store.
import type { Group } from "@copse/core";
import { party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE, TestStorage } from "./stores.js";

const codeOf = (work: Promise<unknown>) => work.catch((error) => error.code);

/** Alice, with a storage and a key store, in a group of Bob's. */
async function start() {
  const { crypto } = watched(true);
  const storage = new TestStorage();
  const alice = await opened(storage, "alice", { crypto });
  const bob = await party("bob", { suite: SUITE });
  const b = await bob.client.createGroup();
  const { welcome } = await b.add(await alice.createKeyPackage());
  await b.mergePendingCommit();
  const a = await alice.join(welcome as Uint8Array);
  /** As a new process finds it. */
  const found = async () => (await (await opened(storage, "alice", { crypto })).group(b.groupId)) as Group;
  return { storage, alice, a, b, found };
}

type Scene = Awaited<ReturnType<typeof start>>;

const CALLS: Record<string, (scene: Scene) => Promise<() => Promise<unknown>>> = {
  update:
    async ({ a }) =>
    () =>
      a.update(),
  merge: async ({ a, b }) => {
    const staged = await a.update();
    await b.receive(staged.commit);
    return () => staged.merge();
  },
  receive: async ({ a, b }) => {
    const { commit } = await b.update();
    await b.mergePendingCommit();
    return () => a.receive(commit);
  },
  propose:
    async ({ a }) =>
    () =>
      a.propose({ update: true }),
};

describe("the keys that the write refers to stay, if the group is closed before its answer comes:", () => {
  it.each(Object.keys(CALLS))("%s", async (name) => {
    const scene = await start();
    const call = await CALLS[name]?.(scene);
    const hold = scene.storage.hold();
    const working = codeOf(call?.() as Promise<unknown>);
    await hold.reached;
    await scene.a.close();
    hold.open();
    expect(await working).toBe("closed");
    await expect.poll(async () => (await scene.found()).active).toBe(true);
  });

  it("by its deletion, which isn't written", async () => {
    const { storage, alice, a, found } = await start();
    const hold = storage.hold();
    const working = codeOf(a.update());
    await hold.reached;
    storage.fates.push("lost");
    const deleting = codeOf(alice.deleteGroup(a.groupId));
    await expect.poll(() => a.active).toBe(false);
    hold.open();
    expect([await working, await deleting]).toEqual(["closed", "storage"]);
    expect((await found()).active).toBe(true);
  });

  it("by a Welcome that takes its place, and isn't written", async () => {
    const { storage, alice, a, b, found } = await start();
    const keyPackage = await alice.createKeyPackage();
    const { commit } = await b.update();
    await b.mergePendingCommit();
    await b.remove(a.ownLeafIndex);
    await b.mergePendingCommit();
    const { welcome } = await b.add(keyPackage);
    await b.mergePendingCommit();
    const staged = await alice.readWelcome(welcome as Uint8Array);
    const hold = storage.hold();
    const working = codeOf(a.receive(commit));
    await hold.reached;
    storage.fates.push("lost");
    const joining = codeOf(staged.join({ replace: true }));
    await expect.poll(() => a.active).toBe(false);
    hold.open();
    expect([await working, await joining]).toEqual(["closed", "storage"]);
    expect((await found()).active).toBe(true);
  });
});
