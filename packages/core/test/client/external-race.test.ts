// RFC 9420 §12.4.3.2, §14: an external commit may lose against another commit of the same epoch.

import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { copyOf, gather, type Party, party } from "@copse/test-support/clients";
import { failure, refused } from "@copse/test-support/errors";
import { describe, expect, it, test } from "vitest";
import { decode, encode } from "../../src/codec/index.js";
import { openRecord, sealRecord } from "../../src/group/storage/record.js";
import { SavedGroup } from "../../src/group/storage/saved-group.js";

const SUITE = 1;
const make = (name: string) => party(name, { suite: SUITE });

/** How the new member's process goes on after it has made its commit. */
const WAYS: readonly [string, (party: Party, group: Group) => Promise<Group>][] = [
  ["in the same process", async (_, group) => group],
  ["restored", copyOf],
];

/** Bob and Carol join Alice's group by one GroupInfo. */
async function race(go: (party: Party, group: Group) => Promise<Group>) {
  const [alice, bob, carol] = [await make("alice"), await make("bob"), await make("carol")];
  const a = await alice.client.createGroup();
  const groupInfo = await a.groupInfo();
  const byBob = await joinByExternalCommit(bob.client, groupInfo);
  const byCarol = await joinByExternalCommit(carol.client, groupInfo);
  const [b, c] = [await go(bob, byBob.group), await go(carol, byCarol.group)];
  return { a, b, c, carol, bobs: byBob.commit, carols: byCarol.commit };
}

/** What a member can do. */
const USES: readonly [string, (group: Group) => Promise<unknown>][] = [
  ["encrypt", (group) => group.encrypt("hello")],
  ["propose", (group) => group.propose({ update: true })],
  ["commit", (group) => group.commit()],
  ["add", async (group) => group.add(await (await make("dave")).client.createKeyPackage())],
  ["remove", (group) => group.remove(0)],
  ["update", (group) => group.update()],
  ["exportSecret", (group) => group.exportSecret("label", new Uint8Array(), 16)],
  ["withEpoch", (group) => group.withEpoch(({ leafIndex }) => leafIndex)],
  ["groupInfo", (group) => group.groupInfo()],
  ["epochAuthenticator", async (group) => group.epochAuthenticator],
];

describe("the loser of a race of external commits doesn't keep a group that encrypts for nobody", () => {
  it.each(WAYS)("%s", async (_, go) => {
    const { a, c, carol, bobs, carols } = await race(go);
    await a.receive(bobs);
    expect([c.active, c.hasPendingCommit]).toEqual([false, true]);
    for (const [name, use] of USES) expect((await refused(c, () => use(c))).code, name).toBe("pending");
    for (const message of [bobs, await a.encrypt("hello")]) {
      expect((await refused(c, message)).code).toBe("pending");
    }
    expect((await failure(a.receive(carols))).code).toBe("past-epoch");

    const { secrets } = c.predecessor.current;
    expect(Object.values(secrets).every((secret) => secret.some((byte) => byte !== 0))).toBe(true);
    await c.clearPendingCommit();
    expect(Object.values(secrets).every((secret) => secret.every((byte) => byte === 0))).toBe(true);
    expect([c.active, c.hasPendingCommit]).toEqual([false, false]);
    for (const [name, use] of USES) expect((await failure(use(c))).code, name).toBe("closed");
    expect((await failure(c.mergePendingCommit())).code).toBe("missing");
    expect((await failure(c.receive(carols))).code).toBe("closed");

    const again = await joinByExternalCommit(carol.client, await a.groupInfo());
    await a.receive(again.commit);
    await again.group.mergePendingCommit();
    expect(await a.receive(await again.group.encrypt("here"))).toMatchObject({ kind: "application" });
  });
});

describe("the winner of a race of external commits", () => {
  const merges: readonly [string, (group: Group, commit: Uint8Array) => Promise<unknown>][] = [
    ["mergePendingCommit", (group) => group.mergePendingCommit()],
    ["the commit that comes back", (group, commit) => group.receive(commit)],
  ];
  it.each(WAYS.flatMap(([where, go]) => merges.map(([how, merge]) => [where, how, go, merge] as const)))(
    "%s, is a member after %s, and takes the messages that came before",
    async (_where, _how, go, merge) => {
      const { a, b, bobs, carols } = await race(go);
      await a.receive(bobs);
      const early = await a.encrypt("welcome");
      expect((await refused(b, early)).code).toBe("pending");
      expect(await merge(b, bobs)).toMatchObject({
        kind: "commit",
        epoch: a.epoch,
        committer: { leafIndex: 1 },
        own: true,
        active: true,
      });
      expect([b.active, b.hasPendingCommit]).toEqual([true, false]);
      expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
      expect(await b.receive(early)).toMatchObject({ kind: "application" });
      expect(await a.receive(await b.encrypt("thanks"))).toMatchObject({ kind: "application" });
      // Its own commit is known when it comes once more, also to a restored group and after a further commit.
      const { commit } = await b.update();
      await a.receive(commit);
      await b.mergePendingCommit();
      expect(await b.receive(bobs)).toMatchObject({ kind: "own", verified: true });
      expect((await refused(b, carols)).code).toBe("past-epoch");
    },
  );

  it("knows its commit after it was restored", async () => {
    const [alice, bob] = [await make("alice"), await make("bob")];
    const { group, commit } = await joinByExternalCommit(
      bob.client,
      await (await alice.client.createGroup()).groupInfo(),
    );
    await group.mergePendingCommit();
    const restored = await (await bob.again()).restore(await group.save());
    expect([restored.active, restored.hasPendingCommit]).toEqual([true, false]);
    expect(await restored.receive(commit)).toMatchObject({ kind: "own", verified: true });
  });
});

describe("an open group with the ID of one that is joined by an external commit", () => {
  async function scene() {
    const { parties, groups } = await gather([await make("alice"), await make("bob")]);
    const [a, b] = groups as [Group, Group];
    const { client } = parties[1] as Party;
    const join = async () =>
      joinByExternalCommit(client, await a.groupInfo(), { resync: true, replace: true });
    return { a, b, client, bob: parties[1] as Party, join };
  }

  it("goes on if the commit is refused, and is closed when it is merged", async () => {
    const { a, b, join } = await scene();
    const lost = await join();
    await lost.group.clearPendingCommit();
    expect(await a.receive(await b.encrypt("still here"))).toMatchObject({ kind: "application" });
    const { group, commit } = await join();
    await b.receive(await a.encrypt("both are open"));
    await a.receive(commit);
    expect(await group.mergePendingCommit()).toMatchObject({ removed: [{ leafIndex: 1 }] });
    expect((await failure(b.encrypt("closed"))).code).toBe("closed");
    expect(await a.receive(await group.encrypt("again"))).toMatchObject({ kind: "application" });
  });

  it("refuses the merge if it isn't to be replaced, and nothing changes", async () => {
    const { a, bob, client, join } = await scene();
    const [{ group, commit }, second] = [await join(), await join()];
    const other = await bob.again();
    const restored = await other.restore(await group.save());
    const late = await other.restore(await second.group.save());
    await a.receive(commit);
    await restored.mergePendingCommit();
    for (const way of [() => late.mergePendingCommit(), () => late.receive(second.commit)])
      expect((await refused(late, way)).code).toBe("group-exists");
    await restored.close();
    expect(await late.mergePendingCommit()).toMatchObject({ own: true });
    await group.mergePendingCommit();
    const again = joinByExternalCommit(client, await a.groupInfo(), { resync: true });
    expect((await failure(again)).code).toBe("group-exists");
  });
});

it("a saved state is refused that is in the epoch of a commit which it doesn't join by", async () => {
  const [alice, bob] = [await make("alice"), await make("bob")];
  const { provider } = bob.config;
  const a = await alice.client.createGroup();
  const { group } = await joinByExternalCommit(bob.client, await a.groupInfo());
  const record = await group.save();
  const { body } = await openRecord(provider, record[0] as number, record);
  const saved = decode(SavedGroup, body);
  for (const change of [{ status: "active" as const }, { candidates: [] }]) {
    const { bytes } = await sealRecord(provider, encode(SavedGroup, { ...saved, ...change }));
    expect((await failure((await bob.again()).restore(bytes))).code).toBe("state");
  }
});

test("a state from before the merge isn't restored beside the group that has it: both would use the same keys", async () => {
  const [alice, bob] = [await make("alice"), await make("bob")];
  const a = await alice.client.createGroup();
  const first = await joinByExternalCommit(bob.client, await a.groupInfo(), { replace: true });
  const saved = await first.group.save();
  expect((await failure(bob.client.restore(saved))).code).toBe("group-exists");
  await a.receive(first.commit);
  await first.group.mergePendingCommit();
  expect((await failure(bob.client.restore(saved))).code).toBe("group-exists");
  await first.group.close();
  expect((await bob.client.restore(saved)).hasPendingCommit).toBe(true);
});

test("a state from before the merge can be restored when that commit was given up", async () => {
  const [alice, bob] = [await make("alice"), await make("bob")];
  const a = await alice.client.createGroup();
  const { group } = await joinByExternalCommit(bob.client, await a.groupInfo());
  const saved = await group.save();
  await group.clearPendingCommit();
  expect((await bob.client.restore(saved)).hasPendingCommit).toBe(true);
});
