// RFC 9420 §10, §11.2: no final answer of a client before it has looked at what another opener of its storage did.
import type { Group, KeyPackageInfo } from "@copse/core";
import { branch, reinitialize } from "@copse/core/resumption";
import type { StoredClient } from "@copse/core/storage";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { ID, opened, SUITE, team } from "./stores.js";

const NEXT = new TextEncoder().encode("successor");
const REINIT = { groupId: NEXT, cipherSuite: SUITE, extensions: [] };

/** Two openers of Alice's storage, both with the group open. */
async function tabs() {
  const { storage, alice: left, bob, a, b } = await team();
  const right = await opened(storage);
  return { storage, left, right, bob, a, b, a2: (await right.group(ID)) as Group };
}

/** Ends the group by a ReInit that only one of the openers receives. */
async function end(a: Group, b: Group): Promise<void> {
  const { commit } = await b.commit({ reinit: REINIT });
  await b.mergePendingCommit();
  await a.receive(commit);
}

/** A Welcome to a group of somebody else's, which has the ID that the ReInit names. */
async function strangers(keyPackage: Uint8Array): Promise<Uint8Array> {
  const group = await (await party("mallory", { suite: SUITE })).client.createGroup({ groupId: NEXT });
  return (await group.add(keyPackage)).welcome as Uint8Array;
}

describe("a stranger's group doesn't follow one that ended", () => {
  it.each(["open", "not open"])("where another opener received the ReInit: %s here", async (how) => {
    const { left, right, a, a2, b } = await tabs();
    if (how !== "open") await a2.close();
    const keyPackage = await left.createKeyPackage();
    await right.refresh();
    await end(a, b);
    const welcome = await strangers(keyPackage);
    expect(await failure(right.readWelcome(welcome))).toEqual(code("validation"));
    expect(await failure(right.join(welcome))).toEqual(code("validation"));
  });

  it("where the ended group can't be loaded", async () => {
    const { storage, left, a, b } = await tabs();
    await end(a, b);
    const welcome = await strangers(await left.createKeyPackage());
    const list = storage.list.bind(storage);
    storage.list = (prefix) => {
      if (prefix.startsWith("group/")) throw new Error("the disk is busy");
      return list(prefix);
    };
    expect(await failure((await opened(storage)).join(welcome))).toEqual(code("validation"));
  });

  it.each(["closed here", "by another opener"])(
    "where it ended after the Welcome was read: %s",
    async (how) => {
      const { left, right, a, a2, b } = await tabs();
      const welcome = await strangers(await left.createKeyPackage());
      const staged = await (how === "closed here" ? left : right).readWelcome(welcome);
      await end(a, b);
      if (how === "closed here") await a.close();
      expect(await failure(staged.join())).toEqual(code("validation"));
      expect(a2.groupId).toEqual(ID);
    },
  );

  it("where it ended while the join was written", async () => {
    const { storage, left, right, a, b } = await tabs();
    const staged = await right.readWelcome(await strangers(await left.createKeyPackage()));
    // Its write waits behind those of the other one.
    const hold = storage.hold();
    const joined = failure(staged.join());
    await hold.reached;
    storage.release();
    await end(a, b);
    hold.open();
    expect(await joined).toEqual(code("stale-state"));
    expect(right.knownGroups()).toHaveLength(1);
  });
});

it.each(["open", "not open"])(
  "the true successor is joined where another opener received the ReInit: %s",
  async (how) => {
    const { left, right, a, a2, bob, b } = await tabs();
    if (how !== "open") await a2.close();
    const keyPackage = await left.createKeyPackage();
    await end(a, b);
    const { welcome } = await reinitialize(bob.client, b, { add: [keyPackage] });
    const group = await right.join(welcome as Uint8Array);
    expect(group.resumes).toMatchObject({ by: "reinit", groupId: ID });
  },
);

it("a subgroup is joined that branched from an epoch which only another opener has", async () => {
  const { left, right, a, bob, b } = await tabs();
  await a.receive((await b.update()).commit);
  await b.mergePendingCommit();
  const { welcome } = await branch(bob.client, b, { add: [await left.createKeyPackage()] });
  expect((await right.join(welcome as Uint8Array)).resumes).toMatchObject({ by: "branch", epoch: 2n });
});

describe("what another opener made", () => {
  const theirs = async (left: StoredClient) => {
    await left.createKeyPackage();
    return (left.keyPackages()[0] as KeyPackageInfo).reference;
  };
  const NEW = new Uint8Array([7]);
  const CALLS: Readonly<Record<string, (left: StoredClient, right: StoredClient) => Promise<unknown>>> = {
    "a key package is found by its Welcome": async (left, right) => {
      const { client } = await party("carol", { suite: SUITE });
      const { welcome } = await (await client.createGroup()).add(await left.createKeyPackage());
      return right.join(welcome as Uint8Array);
    },
    "a key package is deleted": async (left, right) => right.deleteKeyPackage(await theirs(left)),
    "a group is found": async (left, right) => {
      await left.createGroup({ groupId: NEW });
      return right.group(NEW);
    },
    "a group is deleted": async (left, right) => {
      await left.createGroup({ groupId: NEW });
      return right.deleteGroup(NEW);
    },
    "room for a group is used": async (left, right) => {
      await left.deleteGroup(ID);
      return right.createGroup({ groupId: ID });
    },
  };
  it.each(Object.entries(CALLS))("%s", async (_, call) => {
    const { left, right } = await tabs();
    expect(await call(left, right)).toBeTruthy();
  });

  it("isn't said to be missing if the storage can't be read", async () => {
    const { storage, right } = await tabs();
    storage.isDown = true;
    const none = new Uint8Array([9]);
    expect(await failure(right.group(none))).toEqual(code("try-again"));
    expect(await failure(right.deleteGroup(none))).toEqual(code("try-again"));
    expect(await failure(right.deleteKeyPackage(none))).toEqual(code("try-again"));
    storage.isDown = false;
    expect(await right.group(none)).toBeUndefined();
    expect(await right.deleteGroup(none)).toBe(false);
    expect(await right.deleteKeyPackage(none)).toBe(false);
  });
});
