// RFC 9420 §16.2: nothing is answered before it is safe, and what couldn't be made safe wasn't answered.

import { type Group, generateSigner, type StagedCommit } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { importKeyPackage } from "@copse/core/import";
import type { StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type Party, party, savedKeyPackages, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { beforeEach, describe, expect, it } from "vitest";
import { found, opened, SUITE, TestStorage } from "./stores.js";

interface World {
  readonly storage: TestStorage;
  readonly alice: StoredClient;
  readonly bob: Party;
  readonly a: Group;
  readonly b: Group;
}

async function world(): Promise<World> {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const bob = await party("bob", { suite: SUITE });
  const a = await alice.createGroup({ groupId: new Uint8Array([1, 2]) });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  return { storage, alice, bob, a, b: await bob.client.join(welcome as Uint8Array) };
}

type Row = (here: World) => Promise<() => Promise<unknown>>;

const CLIENT: Readonly<Record<string, Row>> = {
  createKeyPackage:
    async ({ alice }) =>
    () =>
      alice.createKeyPackage(),
  importKeyPackage: async ({ alice }) => {
    const signer = await generateSigner(nodeProvider(), SUITE);
    alice.addSigner(signer);
    const other = await party("alice", { suite: SUITE, signer });
    const keyPackage = await other.client.createKeyPackage();
    const [{ initKey, leafKey } = { initKey: keyPackage, leafKey: keyPackage }] = await savedKeyPackages(
      other.client,
    );
    return () => importKeyPackage(alice, { keyPackage, initKey, leafKey });
  },
  deleteKeyPackage: async ({ alice }) => {
    const { reference } = await alice.readKeyPackage(await alice.createKeyPackage());
    return () => alice.deleteKeyPackage(reference);
  },
  loadKeyPackages: async ({ alice }) => {
    const signer = await generateSigner(nodeProvider(), SUITE);
    const { client } = await party("alice", { suite: SUITE, signer });
    await client.createKeyPackage();
    const saved = await client.saveKeyPackages();
    return () => alice.loadKeyPackages(saved);
  },
  proposeJoin:
    async ({ alice, b }) =>
    () =>
      proposeJoin(alice, { groupId: b.groupId, epoch: b.epoch }),
  createGroup:
    async ({ alice }) =>
    () =>
      alice.createGroup(),
  join: async ({ alice, bob }) => {
    const group = await bob.client.createGroup();
    const { welcome } = await group.add(await alice.createKeyPackage());
    return () => alice.join(welcome as Uint8Array);
  },
  joinByExternalCommit: async ({ alice, bob }) => {
    const groupInfo = await (await bob.client.createGroup()).groupInfo();
    return () => joinByExternalCommit(alice, groupInfo);
  },
  restore: async ({ alice, a }) => {
    const saved = await a.save();
    await alice.deleteGroup(a.groupId);
    return () => alice.restore(saved);
  },
  deleteGroup:
    async ({ alice, a }) =>
    () =>
      alice.deleteGroup(a.groupId),
};

const GROUP: Readonly<Record<string, Row>> = {
  encrypt:
    async ({ a }) =>
    () =>
      a.encrypt("hello"),
  propose:
    async ({ a }) =>
    () =>
      a.propose({ update: true }),
  dropProposals: async ({ a, b }) => {
    await a.receive(await b.propose({ update: true }));
    return () => a.dropProposals(() => true);
  },
  commit:
    async ({ a }) =>
    () =>
      a.commit(),
  add: async ({ a }) => {
    const keyPackage = await (await party("carol", { suite: SUITE })).client.createKeyPackage();
    return () => a.add(keyPackage);
  },
  remove:
    async ({ a, b }) =>
    () =>
      a.remove(b.ownLeafIndex),
  update:
    async ({ a }) =>
    () =>
      a.update(),
  mergePendingCommit: async ({ a }) => {
    await a.update();
    return () => a.mergePendingCommit();
  },
  clearPendingCommit: async ({ a }) => {
    await a.update();
    return () => a.clearPendingCommit();
  },
  stage: async ({ a, b }) => {
    const { commit } = await b.update();
    return () => a.stage(commit);
  },
  "receive a message": async ({ a, b }) => {
    const message = await b.encrypt("hello");
    return () => a.receive(message);
  },
  encryptAll:
    async ({ a }) =>
    () =>
      a.encryptAll(["hello", "again"]),
  receiveAll: async ({ a, b }) => {
    const messages = await b.encryptAll(["hello", "again"]);
    return () => a.receiveAll(messages);
  },
  "receive a proposal": async ({ a, b }) => {
    const message = await b.propose({ update: true });
    return () => a.receive(message);
  },
  "receive a commit": async ({ a, b }) => {
    const { commit } = await b.update();
    return () => a.receive(commit);
  },
  "receive a removal": async ({ a, b }) => {
    const { commit } = await b.remove(a.ownLeafIndex);
    return () => a.receive(commit);
  },
  "StagedCommit.merge": async ({ a }) => {
    const staged = await a.update();
    return () => staged.merge();
  },
  "StagedCommit.discard": async ({ a }) => {
    const staged: StagedCommit = await a.update();
    return () => staged.discard();
  },
};

const ROWS = [...Object.entries(CLIENT), ...Object.entries(GROUP)];

let here: World;
beforeEach(async () => {
  here = await world();
});

describe("before it answers, a write is made by", () => {
  it.each(ROWS)("%s", async (_, row) => {
    const { storage } = here;
    const call = await row(here);
    const { writes } = storage;
    const hold = storage.hold();
    let isAnswered = false;
    const answer = call().then(() => {
      isAnswered = true;
    });
    await Promise.race([hold.reached, answer]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isAnswered, "before the write").toBe(false);
    hold.open();
    await answer;
    expect(storage.writes).toBe(writes + 1);
  });
});

describe("if its write fails, it changes nothing:", () => {
  it.each(ROWS)("%s", async (_, row) => {
    const { storage, alice, a } = here;
    const call = await row(here);
    const before = await storage.all();
    const keyPackages = alice.keyPackages();
    const known = alice.knownGroups();
    const { epoch, proposals, staged, active, members } = a;
    storage.fates.push("lost");
    expect(await failure(call())).toEqual(code("storage"));
    expect(await storage.all()).toEqual(before);
    expect(alice.keyPackages()).toEqual(keyPackages);
    expect(alice.knownGroups()).toEqual(known);
    const shown = { epoch, proposals, active, members };
    // Deleted or replaced, it was closed before the write.
    if (a.active) expect(a).toMatchObject(shown);
    if (a.active) expect(a.staged.map(({ commit }) => commit)).toEqual(staged.map(({ commit }) => commit));
    // The client goes on from what is stored.
    await alice.createKeyPackage();
    expect(alice.keyPackages()).toHaveLength(keyPackages.length + 1);
    for (const one of alice.knownGroups()) {
      const group = await alice.group(one);
      if (group?.active && group.proposals.length === 0) await group.encrypt("on it goes");
    }
  });
});

describe("after a failure", () => {
  it("the calls after it go on, in the same object", async () => {
    const { storage, alice, a, b } = here;
    storage.fates.push("lost");
    const calls = [a.encrypt("lost"), a.encrypt("after it"), a.update()] as const;
    expect(await failure(calls[0])).toEqual(code("storage"));
    expect(await b.receive(await calls[1])).toMatchObject({ kind: "application" });
    await b.receive((await calls[2]).commit);
    await a.mergePendingCommit();
    expect(await alice.group(a.groupId)).toBe(a);
    await send(a, [b], "again");
    await send(b, [a], "and back");
  });

  it("the cause is what the storage threw", async () => {
    const { storage, alice, a } = here;
    for (const call of [() => a.encrypt("hello"), () => alice.createKeyPackage()]) {
      storage.fates.push("lost");
      expect((await failure(call)).cause).toEqual(new Error("the disk is full"));
    }
  });

  it("no secret of what wasn't made is to be had", async () => {
    const { storage, a } = here;
    await a.update();
    const hold = storage.hold();
    const controller = new AbortController();
    const call = a.mergePendingCommit({ signal: controller.signal });
    await hold.reached;
    controller.abort();
    expect(await failure(call)).toEqual(code("storage"));
    expect(a.epoch).toBe(1n);
    expect(a.hasPendingCommit).toBe(true);
    expect(() => a.epochAuthenticator).toThrow(expect.objectContaining({ code: "closed" }));
    storage.release();
    await a.exportSecret("label", new Uint8Array(), 16);
    expect(a.epochAuthenticator).toHaveLength(32);
  });

  it("what was written all the same isn't used again", async () => {
    const { storage, alice, a, b } = here;
    storage.fates.push("late");
    expect(await failure(a.encrypt("nobody gets it"))).toEqual(code("storage"));
    const received = await b.receive(await a.encrypt("next"));
    expect(received).toMatchObject({ kind: "application" });
    storage.fates.push("late");
    expect(await failure(alice.createKeyPackage())).toEqual(code("storage"));
    await alice.refresh();
    expect(alice.keyPackages()).toHaveLength(1);
  });

  it("a call that is given up while it is written stands in nobody's way", async () => {
    const { storage, alice, a, b } = here;
    const hold = storage.hold();
    const controller = new AbortController();
    const call = a.encrypt("stuck", { signal: controller.signal });
    await hold.reached;
    controller.abort();
    const waiting = a.encrypt("after it");
    storage.release();
    expect(await failure(call)).toEqual(code("storage"));
    await b.receive(await waiting);
    await send((await alice.group(a.groupId)) as Group, [b], "again");
  });

  it("a proposal that nobody got is sent again, and can be committed", async () => {
    const { storage, a, b } = here;
    const carol = await party("carol", { suite: SUITE });
    storage.fates.push("late");
    const add = a.propose({ add: await carol.client.createKeyPackage() });
    expect(await failure(add)).toEqual(code("storage"));
    const again = await found(storage, a.groupId);
    const { commit } = await again.commit();
    expect(await failure(b.receive(commit))).toEqual(code("proposal-missing"));
    for (const { message } of again.proposals) await b.receive(message as Uint8Array);
    await b.receive(commit);
    expect(b.members).toHaveLength(3);
  });

  it("reading is tried again", async () => {
    const { storage, a } = here;
    storage.isDown = true;
    expect(await failure(opened(storage))).toEqual(code("try-again"));
    storage.isDown = false;
    const again = await opened(storage);
    storage.isDown = true;
    expect(await failure(again.group(a.groupId))).toEqual(code("try-again"));
    storage.isDown = false;
    expect((await again.group(a.groupId))?.active).toBe(true);
  });

  it("a storage that doesn't say whether it has written is refused", async () => {
    const { storage, a } = here;
    storage.fates.push("silent");
    expect((await failure(a.encrypt("hello"))).message).toContain("expected true or false");
  });

  it("a group that is closed while it is written is as the storage has it", async () => {
    const { storage, alice, a, b } = here;
    const hold = storage.hold();
    const call = a.encrypt("closed");
    await hold.reached;
    await a.close();
    expect(await failure(call)).toEqual(code("closed"));
    hold.open();
    await send((await alice.group(a.groupId)) as Group, [b], "again");
  });
});

it("independent groups don't wait for each other", async () => {
  const { storage, alice, a } = here;
  const other = await alice.createGroup();
  const hold = storage.hold();
  void a.encrypt("stuck").catch(() => undefined);
  await hold.reached;
  storage.release();
  await other.encrypt("not stuck");
});

it("calls that change nothing write nothing, and stale groups answer them", async () => {
  const { storage, a } = here;
  await a.encrypt("hello");
  const { writes } = storage;
  await a.exportSecret("label", new Uint8Array(), 16);
  await a.groupInfo();
  await a.save();
  expect(storage.writes).toBe(writes);
  expect((await found(storage, a.groupId)).epoch).toBe(a.epoch);
});
