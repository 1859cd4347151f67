// RFC 9420 §9.2, §16.8: a key package that may be used again opens no Welcome twice, and keeps the leaf key of its groups.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE, TestStorage } from "./stores.js";

/** Two openers of Alice's storage, with a key package of last resort, and Bob, who has added it to groups. */
async function invited(count: number, keyStore = false) {
  const watch = watched(keyStore);
  const inner = memoryStorage();
  const [left, right] = [new TestStorage(inner), new TestStorage(inner)];
  const open = (storage: TestStorage) =>
    opened(storage, "alice", { crypto: watch.crypto, extensions: [lastResort] });
  const one = await open(left);
  const keyPackage = await one.createKeyPackage(MARKED);
  const reference = one.keyPackages()[0]?.reference as Uint8Array;
  const other = await open(right);
  const bob = await party("bob", { suite: SUITE });
  const groups: Group[] = [];
  const welcomes: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const group = await bob.client.createGroup();
    welcomes.push((await group.add(keyPackage)).welcome as Uint8Array);
    await group.mergePendingCommit();
    groups.push(group);
  }
  const [b] = groups as [Group];
  const [welcome] = welcomes as [Uint8Array];
  const staged = await Promise.all(welcomes.map((each) => other.readWelcome(each)));
  return { left, right, open, one, other, keyPackage, reference, groups, b, welcome, welcomes, staged };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("two joins, of which the second is to be written after the first", () => {
  it("the second's Welcome stays used, if the first isn't written", async () => {
    const { right, other, staged, welcomes } = await invited(2);
    const hold = right.hold();
    right.fates.push("lost");
    const go = right.slow();
    const second = staged[1]?.join();
    const first = failure(async () => staged[0]?.join());
    await hold.reached;
    go();
    await soon();
    hold.open();
    expect(await first).toEqual(code("storage"));
    await other.deleteGroup((await second)?.groupId as Uint8Array);
    expect(await failure(other.join(welcomes[1] as Uint8Array))).toEqual(code("duplicate"));
    expect((await other.join(welcomes[0] as Uint8Array)).active).toBe(true);
  });

  it("the second's Welcome stays used, if a third is undone", async () => {
    const { right, other, staged, welcomes } = await invited(3);
    const hold = right.hold();
    const go = right.slow();
    const second = staged[1]?.join();
    const goOn = right.slow();
    const alongside = () => {
      throw new Error("no room");
    };
    const third = staged[2]?.join({ alongside }).catch((error: Error) => error.message);
    const first = staged[0]?.join();
    await hold.reached;
    go();
    goOn();
    await soon();
    hold.open();
    expect(await third).toBe("no room");
    for (const joined of [await first, await second]) await other.deleteGroup(joined?.groupId as Uint8Array);
    for (const welcome of welcomes.slice(0, 2))
      expect(await failure(other.join(welcome))).toEqual(code("duplicate"));
    expect((await other.join(welcomes[2] as Uint8Array)).active).toBe(true);
  });
});

describe("while one opener joins, the other", () => {
  it("joins by the same Welcome, and what it has read stays read", async () => {
    const { right, one, other, staged, b, welcome } = await invited(1);
    const message = await b.encrypt("once");
    const hold = right.hold();
    const joining = failure(async () => staged[0]?.join());
    await hold.reached;
    const a = await one.join(welcome);
    expect((await a.receive(message)).kind).toBe("application");
    await one.deleteGroup(a.groupId);
    hold.open();
    expect(await joining).toEqual(code("stale-state"));
    expect(await failure(other.join(welcome))).toEqual(code("duplicate"));
  });

  it.each([true, false])("deletes the key package (key store: %s)", async (keyStore) => {
    const { right, one, other, staged, reference, welcome } = await invited(1, keyStore);
    const hold = right.hold();
    const joining = failure(async () => staged[0]?.join());
    await hold.reached;
    expect(await one.deleteKeyPackage(reference)).toBe(true);
    hold.open();
    expect(await joining).toEqual(code("stale-state"));
    expect(await failure(other.join(welcome))).toEqual(code("not-invited"));
    expect(other.knownGroups()).toHaveLength(0);
  });

  it("joins another group, and both Welcomes stay used", async () => {
    const { right, one, other, staged, welcomes } = await invited(2);
    const hold = right.hold();
    const joining = staged[0]?.join();
    await hold.reached;
    await one.join(welcomes[1] as Uint8Array);
    hold.open();
    await joining;
    for (const { groupId } of other.knownGroups()) await other.deleteGroup(groupId);
    for (const welcome of welcomes) expect(await failure(other.join(welcome))).toEqual(code("duplicate"));
  });
});

it("deleting it leaves the leaf key to the group that the other opener has joined meanwhile", async () => {
  const { left, right, open, one, other, reference, b, welcome } = await invited(1, true);
  const hold = right.hold();
  const deleting = other.deleteKeyPackage(reference);
  await hold.reached;
  const a = await one.join(welcome);
  hold.open();
  expect(await deleting).toBe(true);
  await send(b, [(await (await open(left)).group(a.groupId)) as Group], "still here");
});

describe("a group that is replaced leaves its leaf key to another that isn't open, if it's replaced by", () => {
  type Replace = (one: StoredClient, b: Group, keyPackage: Uint8Array) => Promise<unknown>;
  const byWelcome: Replace = async (one, b, keyPackage) => {
    await b.remove(1);
    await b.mergePendingCommit();
    const { welcome } = await b.add(keyPackage);
    await b.mergePendingCommit();
    await one.join(welcome as Uint8Array, { replace: true });
  };
  const REPLACE: Readonly<Record<string, Replace>> = {
    "an external commit": async (one, b) => {
      const { staged } = await joinByExternalCommit(one, await b.groupInfo(), {
        resync: true,
        replace: true,
      });
      await b.receive(staged.commit);
      await staged.merge();
    },
    "a Welcome of the same key package": byWelcome,
    "a Welcome of another one": async (one, b) => byWelcome(one, b, await one.createKeyPackage()),
  };
  it.each(Object.entries(REPLACE))("%s", async (_, replace) => {
    const { left, open, one, keyPackage, welcomes, groups, b } = await invited(2, true);
    for (const welcome of welcomes) await one.join(welcome);
    await replace(one, b, keyPackage);
    const again = (await one.group(b.groupId)) as Group;
    for (let i = 0; i < 2; i++) await again.encrypt("on and on");
    const anew = await open(left);
    expect(anew.keyPackages()).toHaveLength(1);
    const [, other] = groups as [Group, Group];
    await send(other, [(await anew.group(other.groupId)) as Group], "still here");
  });
});
