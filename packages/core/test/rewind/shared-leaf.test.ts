// RFC 9420 §9.2, §16.8: a leaf key of several groups, in a key store, which one of them has in a kept epoch only.
import type { Bytes, Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { adopt, keepEpochs, stageOn } from "@copse/core/rewind";
import { memoryStorage } from "@copse/core/storage";
import { type Party, party } from "@copse/test-support/clients";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE } from "../storage/stores.js";

const policy = { rewind: keepEpochs({ epochs: 2, age: 600 }) };
const BOB = { suite: SUITE, extensions: [lastResort], policy };

/** Bob's groups, and Alice's Welcomes to them by one key package. */
async function invited(keyPackage: Bytes) {
  const bob = await party("bob", BOB);
  const welcomes: Uint8Array[] = [];
  const [first, second] = [await bob.client.createGroup(), await bob.client.createGroup()];
  for (const group of [first, second]) {
    welcomes.push((await group.add(keyPackage)).welcome as Uint8Array);
    await group.mergePendingCommit();
  }
  return { first, second, welcomes };
}

async function goOn(a: Group, b: Group, save?: (group: Group) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const staged = await a.update();
    await b.receive(staged.commit);
    await staged.merge();
    await save?.(a);
  }
}

type Alice = Awaited<ReturnType<typeof opened>>;

/** What becomes of Alice's group `a`, which is Bob's `b`. */
const ENDS: Record<string, (alice: Alice, a: Group, b: Group) => Promise<unknown>> = {
  "is deleted": (alice, a) => alice.deleteGroup(a.groupId),
  "goes on until the epoch isn't kept any more": (_, a, b) => goOn(a, b),
  "is closed": (_, a) => a.close(),
  "is deleted after Alice was removed": async (alice, a, b) => {
    await a.receive((await b.remove(1)).commit);
    await alice.deleteGroup(a.groupId);
  },
  "changes over to a commit that keeps the leaf, and goes on": async (_, a, b) => {
    const other = await b.commit();
    await b.mergePendingCommit();
    await adopt(a, await stageOn(a, other.commit, { on: a.epoch - 1n }));
    await goOn(a, b);
  },
  "is replaced": async (alice, _, b) => {
    const { group, staged } = await joinByExternalCommit(alice, await b.groupInfo(), {
      resync: true,
      replace: true,
    });
    await b.receive(staged.commit);
    await staged.merge();
    await goOn(group, b);
  },
};

describe.each([false, true])("one group has it in a kept epoch (loaded again: %s), and", (anew) => {
  it.each(Object.keys(ENDS))("%s: the other one still opens", async (how) => {
    const { crypto } = watched(true);
    const storage = memoryStorage();
    const open = () => opened(storage, "alice", { crypto, extensions: [lastResort], policy });
    let alice = await open();
    const { first, second, welcomes } = await invited(await alice.createKeyPackage(MARKED));
    for (const welcome of welcomes) await alice.join(welcome);
    let a = (await alice.group(first.groupId)) as Group;
    const staged = await a.update();
    if (!how.startsWith("changes over")) await first.receive(staged.commit);
    await staged.merge();
    if (anew) {
      await a.close();
      alice = await open();
      a = (await alice.group(first.groupId)) as Group;
    }
    await ENDS[how]?.(alice, a, first);
    const again = await open();
    expect((await again.group(second.groupId))?.active).toBe(true);
    expect(again.keyPackages()).toHaveLength(1);
  });
});

it("without a storage, the other one can still be restored", async () => {
  const { crypto } = watched(true);
  const alice: Party = await party("alice", { ...BOB, crypto });
  const { first, welcomes } = await invited(await alice.client.createKeyPackage(MARKED));
  const [a, other] = await Promise.all(welcomes.map((welcome) => alice.client.join(welcome)));
  const saved = await (other as Group).save();
  const staged = await (a as Group).update();
  await first.receive(staged.commit);
  await staged.merge();
  const group = await (await alice.again()).restore(await (a as Group).save());
  await goOn(group, first, () => group.save());
  expect((await (await alice.again()).restore(saved)).active).toBe(true);
});
