// RFC 9420 §12.4.3: external joins that are given up, and groups that two openers of one storage enter.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { adopt, keepEpochs, stageOn } from "@copse/core/rewind";
import { memoryStorage } from "@copse/core/storage";
import { party, send } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE, TestStorage } from "./stores.js";

/** Two openers of one storage of Alice's, whose writes can fail and wait, and a group of Bob's. */
async function start(keyStore = false, options = {}) {
  const inner = memoryStorage();
  const watch = watched(keyStore);
  const [left, right] = [new TestStorage(inner), new TestStorage(inner)];
  const bob = await party("bob", { suite: SUITE, ...options });
  const b = await bob.client.createGroup();
  const open = (storage: TestStorage) =>
    opened(storage, "alice", { ...(keyStore && { crypto: watch.crypto }), ...options });
  return { left, right, open, bob, b, ...watch };
}

/** Alice joins Bob's group by an external commit, which he has: both openers have it as `joining`. */
async function joining() {
  const { left, right, b, open } = await start();
  const one = await open(left);
  const join = await joinByExternalCommit(one, await b.groupInfo());
  const same = (await (await open(right)).group(b.groupId, { joining: true })) as Group;
  await b.receive(join.commit);
  return { left, b, open, one, join, same };
}

const no = () => {
  throw new Error("no");
};

describe("an external join that is discarded", () => {
  it("and that another opener has merged, and used, isn't deleted", async () => {
    const { left, b, open, join, same } = await joining();
    await same.staged[0]?.merge();
    await send(b, [same], "in");
    // The answer to the first opener was lost, and it gives up.
    await join.staged.discard().catch(() => undefined);
    expect((await (await open(left)).group(b.groupId))?.active).toBe(true);
  });

  it("by deleteGroup, and that another opener merges at that moment, isn't deleted", async () => {
    const { left, b, open, one, same } = await joining();
    const hold = left.hold();
    const deleting = one.deleteGroup(b.groupId, { joining: true }).catch((error) => error);
    await hold.reached;
    await same.staged[0]?.merge();
    hold.open();
    await deleting;
    expect((await (await open(left)).group(b.groupId))?.active).toBe(true);
  });

  it("has its keys still, if that isn't written", async () => {
    const { store, left, open, b } = await start(true);
    const one = await open(left);
    const join = await joinByExternalCommit(one, await b.groupInfo());
    const before = store.size;
    left.fates.push("lost");
    expect(await join.staged.discard().catch((error) => error.code)).toBe("storage");
    expect(one.knownGroups().map(({ status }) => status)).toEqual(["joining"]);
    expect(store.size).toBe(before);
    const again = (await one.group(b.groupId, { joining: true })) as Group;
    await b.receive(join.commit);
    await again.staged[0]?.merge();
    await send(b, [again], "in");
  });

  it.each([false, true])("is as it was, if alongside() throws (key store: %s)", async (keyStore) => {
    const { left, open, b } = await start(keyStore);
    const one = await open(left);
    const join = await joinByExternalCommit(one, await b.groupInfo());
    await join.staged.discard({ alongside: no }).catch(() => undefined);
    await b.receive(join.commit);
    await join.staged.merge();
    await send(b, [join.group], "in");
  });
});

const active = async (storage: TestStorage) =>
  (await opened(storage)).knownGroups().filter(({ status }) => status === "active");

describe("two openers that enter one group leave one group", () => {
  it.each([true, false])("both by external commits (replace: %s)", async (replace) => {
    const { left, right, b, open } = await start();
    const [one, other] = [await open(left), await open(right)];
    const first = await joinByExternalCommit(one, await b.groupInfo(), { replace });
    await b.receive(first.commit);
    const second = await joinByExternalCommit(other, await b.groupInfo(), { replace, resync: "if-member" });
    await first.staged.merge();
    await b.receive(second.commit);
    await second.staged.merge().catch(() => undefined);
    expect(await active(left)).toHaveLength(1);
  });

  it("by an external commit and by a Welcome", async () => {
    const { left, right, b, open } = await start();
    const [one, other] = [await open(left), await open(right)];
    const keyPackage = await other.createKeyPackage();
    const first = await joinByExternalCommit(one, await b.groupInfo(), { replace: true });
    await b.receive(first.commit);
    await b.remove(1);
    await b.mergePendingCommit();
    const { welcome } = await b.add(keyPackage);
    await b.mergePendingCommit();
    await other.join(welcome as Uint8Array);
    await first.staged.merge().catch(() => undefined);
    expect(await active(left)).toHaveLength(1);
  });
});

it("a Welcome without replace doesn't end the group into which another opener came back by adopt", async () => {
  const policy = { rewind: keepEpochs({ epochs: 3, age: 600 }) };
  const { left, right, b, open } = await start(false, { policy });
  const carol = await party("carol", { suite: SUITE, policy });
  const one = await open(left);
  const w = await b.add([await one.createKeyPackage(), await carol.client.createKeyPackage()]);
  await b.mergePendingCommit();
  const a = await one.join(w.welcome as Uint8Array);
  const c = await carol.client.join(w.welcome as Uint8Array);
  const on = a.epoch;
  const other = await open(right);
  const same = (await other.group(a.groupId)) as Group;
  // Carol's commit removes Alice, Bob's doesn't.
  const removal = await c.remove(a.ownLeafIndex);
  const update = await b.update();
  await a.receive(removal.commit);
  const keyPackage = await one.createKeyPackage();
  await c.mergePendingCommit();
  const back = await c.add(keyPackage);
  await c.mergePendingCommit();
  await other.refresh();
  const staged = await one.readWelcome(back.welcome as Uint8Array);
  const hold = left.hold();
  const joining = staged.join().catch((error) => error.code);
  await hold.reached;
  await adopt(same, await stageOn(same, update.commit, { on }), { undoRemovals: true });
  await b.mergePendingCommit();
  await send(b, [same], "here again");
  hold.open();
  await joining;
  const found = (await (await open(left)).group(a.groupId)) as Group;
  expect(found.epochAuthenticator).toEqual(b.epochAuthenticator);
});
