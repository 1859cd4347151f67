// RFC 9420 §9.2, §12.4.3: groups that are deleted, discarded or replaced while another call, or another opener, comes to them.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { describe, expect, it, vi } from "vitest";
import { bound, type Fate, ID, opened, TestStorage, team } from "./stores.js";

/** Two openers of Alice's storage, each by a storage of its own, and her group with Bob. */
async function start() {
  const inner = memoryStorage();
  const [left, right] = [new TestStorage(inner), new TestStorage(inner)];
  const { alice: one, ...others } = await team(left);
  return { ...others, inner, left, one, other: await opened(right) };
}

const ENTRY = { key: "app/gone", value: ID };

/** Two calls that delete a group, both of which wait behind another write. @param go lets that one go on */
async function twice(left: TestStorage, one: StoredClient, entries = [ENTRY], joining = false) {
  const gos = [left.slow(), left.slow()];
  const first = vi.fn(() => []);
  const second = vi.fn((isDeleted: boolean) => (isDeleted ? entries : []));
  const told = [first, second].map((alongside) =>
    one.deleteGroup(ID, { alongside, joining }).catch((error) => error.code),
  );
  const hold = left.hold();
  const making = one.createKeyPackage();
  await hold.reached;
  for (const go of gos) go();
  // Both have taken effect, and wait to be written.
  for (const call of [first, second]) await expect.poll(() => call).toHaveBeenCalled();
  const go = async () => {
    hold.open();
    await making;
    return Promise.all(told);
  };
  return { go };
}

describe("the second of two calls that delete a group", () => {
  it.each<[what: string, fates: Fate[], told: unknown]>([
    ["isn't", ["lost"], "storage"],
    ["is", ["made", "lost"], true],
  ])("says what the first says, if that %s written", async (_, fates, told) => {
    for (const entries of [[], [ENTRY]]) {
      const { inner, left, one } = await start();
      const { go } = await twice(left, one, entries);
      left.fates.push(...fates);
      expect(await go()).toEqual([told, told]);
      const anew = await opened(inner);
      expect(anew.knownGroups()).toHaveLength(told === true ? 0 : 1);
      expect(await anew.getEntry(ENTRY.key)).toEqual(told === true ? entries[0]?.value : undefined);
    }
  });

  it("says false as the first, if another opener joins the group meanwhile", async () => {
    const { left, one, other, b } = await start();
    await other.deleteGroup(ID);
    const { staged } = await joinByExternalCommit(other, await b.groupInfo(), { resync: true });
    await one.refresh();
    const { go } = await twice(left, one, [ENTRY], true);
    await b.receive(staged.commit);
    await staged.merge();
    expect(await go()).toEqual([false, false]);
    expect(one.knownGroups()).toMatchObject([{ status: "active" }]);
    expect(await one.getEntry(ENTRY.key)).toBeUndefined();
  });
});

it("a group is deleted, however often another opener moves it on meanwhile", async () => {
  const { inner, one, other } = await start();
  const same = (await other.group(ID)) as Group;
  let moves = 0;
  const busy = await opened({
    ...bound(inner),
    async write(...write) {
      if (moves++ < 15) await same.encrypt("busy");
      return inner.write(...write);
    },
  });
  expect(await Promise.all([busy.deleteGroup(ID), busy.createKeyPackage()])).toMatchObject([true, {}]);
  await one.refresh();
  expect(one.knownGroups()).toHaveLength(0);
});

it.each([0, 1])(
  "a discard that is answered late is one, also if another call fails meanwhile (%i entries)",
  async (count) => {
    const entries = [ENTRY].slice(0, count);
    const { inner, b } = await start();
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let open = () => {};
    const opens = new Promise<void>((resolve) => {
      open = resolve;
    });
    let isLate = false;
    const alice = await opened({
      ...bound(inner),
      async write(...write) {
        const isMade = await inner.write(...write);
        if (!isLate) return isMade;
        arrive();
        await opens;
        return isMade;
      },
    });
    const { staged } = await joinByExternalCommit(alice, await b.groupInfo(), {
      resync: true,
      replace: true,
    });
    isLate = true;
    const discarding = staged.discard({ alongside: () => entries }).catch((error) => error);
    await arrived;
    const alongside = () => {
      throw new Error("no room");
    };
    // Its client looks at the storage then.
    await expect(alice.createKeyPackage({ alongside })).rejects.toThrow("no room");
    open();
    expect(await discarding).toBeUndefined();
    expect(await alice.getEntry(ENTRY.key)).toEqual(entries[0]?.value);
  },
);

describe("a group that is asked for while it is", () => {
  it("deleted doesn't stand in the way of the next one with its ID", async () => {
    const { left, one, b, a } = await start();
    const keyPackage = await one.createKeyPackage();
    const hold = left.hold();
    const deleting = one.deleteGroup(ID);
    await hold.reached;
    await one.group(ID);
    hold.open();
    expect(await deleting).toBe(true);
    await b.remove(a.ownLeafIndex);
    await b.mergePendingCommit();
    const { welcome } = await b.add(keyPackage);
    await b.mergePendingCommit();
    expect((await one.join(welcome as Uint8Array)).active).toBe(true);
  });

  const REPLACING: Readonly<
    Record<string, (one: StoredClient, b: Group) => Promise<() => Promise<unknown>>>
  > = {
    "an external commit": async (one, b) => {
      const { staged } = await joinByExternalCommit(one, await b.groupInfo(), {
        resync: true,
        replace: true,
      });
      await b.receive(staged.commit);
      return () => staged.merge();
    },
    "a Welcome": async (one, b) => {
      const keyPackage = await one.createKeyPackage();
      await b.remove(0);
      await b.mergePendingCommit();
      const { welcome } = await b.add(keyPackage);
      await b.mergePendingCommit();
      return () => one.join(welcome as Uint8Array, { replace: true });
    },
  };
  it.each(Object.entries(REPLACING))("replaced by %s is the new one", async (_, prepare) => {
    const { left, one, b } = await start();
    const replace = await prepare(one, b);
    const hold = left.hold();
    const replacing = replace();
    await hold.reached;
    const asked = await one.group(ID);
    hold.open();
    await replacing;
    expect(asked === (await one.group(ID))).toBe(true);
    expect(asked?.epochAuthenticator).toEqual(b.epochAuthenticator);
  });
});

describe("nobody is told that a group exists that another opener", () => {
  it.each(["open", "closed"])("has deleted, who joins it anew (%s here)", async (how) => {
    const { one, other, b } = await start();
    const same = (await other.group(ID)) as Group;
    if (how === "closed") await same.close();
    await one.deleteGroup(ID);
    const { commit } = await joinByExternalCommit(other, await b.groupInfo(), { resync: true });
    expect((await b.receive(commit)).kind).toBe("commit");
  });

  /** Another opener's external join takes the place of a group that this one still has. */
  async function joining() {
    const { one, other, b } = await start();
    const { staged } = await joinByExternalCommit(one, await b.groupInfo(), { resync: true, replace: true });
    await other.refresh();
    const merge = async () => {
      await b.receive(staged.commit);
      await staged.merge();
    };
    return { other, b, merge };
  }

  it("has joined, who had the joining one open", async () => {
    const { other, b, merge } = await joining();
    const same = (await other.group(ID, { joining: true })) as Group;
    await merge();
    expect((await same.receive(await b.encrypt("in"))).kind).toBe("application");
  });

  it("has joined, who asks for the joining one", async () => {
    const { other, b, merge } = await joining();
    await merge();
    const same = (await other.group(ID, { joining: true })) as Group;
    expect(same.epochAuthenticator).toEqual(b.epochAuthenticator);
  });
});
