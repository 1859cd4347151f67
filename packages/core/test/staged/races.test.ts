// RFC 9420 §14: several commits of one epoch, of which the delivery service takes one, whichever.

import type { Group, StagedCommit } from "@copse/core";
import { generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { everyone, four, type Meeting, type Party, party, send } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const MODES = ["private", "public"] as const;

/** Alice has three commits, one of them discarded, and Bob and Mallory have one each; all know all that were sent. */
async function race(handshake: "private" | "public") {
  const meeting = await four(SUITE, { policy: { handshake } });
  const [alice, bob, mallory] = meeting.groups as [Group, Group, Group];
  const eve = await party("eve", { suite: SUITE });
  const proposal = await bob.propose({ update: true });
  await everyone(meeting.groups, proposal, 1);
  const commits: StagedCommit[] = [];
  commits.push(await alice.add(await eve.client.createKeyPackage()));
  commits.push(await alice.update({ replacePending: true }));
  commits.push(await alice.remove(3, { replacePending: true }));
  commits.push(await bob.update());
  commits.push(await mallory.commit({ extensions: [] }));
  for (const group of meeting.groups)
    for (const [i, { commit }] of commits.entries())
      if (i > 0 && !(group === alice && i < 3)) await group.stage(commit);
  return { ...meeting, alice, bob, mallory, eve, commits };
}

async function agree({ groups }: Meeting): Promise<void> {
  const active = groups.filter(({ active }) => active) as [Group, ...Group[]];
  for (const group of active) expect(group.epochAuthenticator).toEqual(active[0].epochAuthenticator);
  const [first, ...rest] = active;
  if (first.proposals.length === 0) await send(first, rest, "agreed");
}

describe.each(MODES)("of several staged commits, with %s handshakes,", (handshake) => {
  it.each([0, 1, 2, 3, 4])("number %i can be merged by all", async (taken) => {
    const here = await race(handshake);
    const { commits, groups, alice } = here;
    const { commit, epoch } = commits[taken] as StagedCommit;
    // Alice has her own ones only as far as she didn't discard them.
    expect(alice.staged).toHaveLength(3);
    for (const [i, group] of groups.entries()) {
      const staged = group.staged.find((one) => Buffer.from(one.commit).equals(commit));
      // Some look first, some don't. Number 0 was discarded by Alice, and sent to nobody else.
      const merged = staged !== undefined && i !== 3 ? await staged.merge() : await group.receive(commit);
      expect(merged).toMatchObject({ kind: "commit", epoch });
      expect(group.staged).toEqual([]);
    }
    await agree(here);
    for (const [i, one] of commits.entries()) {
      const { code } = await failure(one.merge());
      expect(code, `number ${i}`).toBe("past-epoch");
      const again = await failure(
        (groups[3] as Group).active ? (groups[3] as Group).stage(one.commit) : one.merge(),
      );
      if ((groups[3] as Group).active) expect(again.code).toBe(i === taken ? "duplicate" : "fork");
    }
  });

  it("the own one that was discarded can be taken after all: by its object, by receive, or staged again", async () => {
    for (const way of ["object", "receive", "stage"] as const) {
      const here = await four(SUITE, { policy: { handshake } });
      const [alice, bob] = here.groups as [Group, Group];
      const signer = await generateSigner(nodeProvider(), SUITE);
      const first = await alice.update({ signer });
      await alice.clearPendingCommit();
      expect([alice.hasPendingCommit, alice.staged.length]).toEqual([false, 0]);
      const second = await alice.add(await (await party("eve", { suite: SUITE })).client.createKeyPackage());
      if (way === "stage") expect(await alice.stage(first.commit)).toBe(first);
      const merged = way === "receive" ? await alice.receive(first.commit) : await first.merge();
      // What the other one was to add is told, so that it can be proposed again.
      expect(merged).toMatchObject({ own: true, droppedPending: true, dropped: [{ proposalType: 1 }] });
      await everyone(here.groups, first.commit, 0);
      await agree(here);
      const dropped = merged.kind === "commit" ? merged.dropped : [];
      const again = await alice.commit({ proposals: dropped });
      expect(await bob.receive(again.commit)).toMatchObject({ added: [{ leafIndex: 4 }] });
      expect((await failure(second.discard())).code).toBe("past-epoch");
    }
  });

  it("another's that was discarded can be staged again, and merged", async () => {
    const here = await four(SUITE, { policy: { handshake } });
    const [alice, bob] = here.groups as [Group, Group];
    const { commit } = await bob.update();
    const staged = await alice.stage(commit);
    await staged.discard();
    await staged.discard();
    expect(alice.staged).toEqual([]);
    expect(await alice.stage(commit)).toBe(staged);
    expect(alice.staged).toEqual([staged]);
    await staged.discard();
    await staged.merge();
    for (const group of here.groups.slice(1))
      await (group === bob ? bob.mergePendingCommit() : group.receive(commit));
    await agree(here);
  });
});

describe("a further own commit", () => {
  it("needs the staged one to be merged, discarded or replaced", async () => {
    const { groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const first = await alice.update();
    for (const call of [() => alice.update(), () => alice.commit(), () => alice.remove(1)])
      expect((await failure(call)).code).toBe("pending");
    expect(alice.staged).toEqual([first]);
    const second = await alice.update({ replacePending: true });
    expect(alice.staged).toEqual([second]);
    // One that fails replaces nothing.
    expect((await failure(alice.commit({ remove: [0], replacePending: true }))).code).toBe("validation");
    expect(alice.staged).toEqual([second]);
    // With nothing to replace, it is the same as without.
    await second.discard();
    const third = await alice.update({ replacePending: true });
    // Others' are no hindrance, nor are they replaced.
    const others = await alice.stage((await bob.update()).commit);
    const fourth = await alice.update({ replacePending: true });
    expect(alice.staged).toEqual([others, fourth]);
    await alice.stage(third.commit);
    for (const call of [() => alice.mergePendingCommit(), () => alice.clearPendingCommit()])
      expect((await failure(call)).code).toBe("usage");
    await fourth.discard();
    expect(await alice.mergePendingCommit()).toMatchObject({ own: true, epoch: third.epoch });
  });

  it("may be the same as one before, byte for byte, and takes its place", async () => {
    // Nothing of a ReInit is random, nor is an Ed25519 signature.
    const { groups } = await four(SUITE, { policy: { handshake: "public" } });
    const [alice, bob] = groups as [Group, Group];
    const reinit = { groupId: new Uint8Array([1]), cipherSuite: 2, extensions: [] };
    const first = await alice.commit({ reinit });
    await first.discard();
    const second = await alice.commit({ reinit });
    expect(second.commit).toEqual(first.commit);
    expect(alice.staged).toEqual([second]);
    await second.discard();
    expect([alice.hasPendingCommit, alice.staged]).toEqual([false, []]);
    const third = await alice.commit({ reinit });
    await bob.receive(first.commit);
    expect(await alice.receive(first.commit)).toMatchObject({ own: true, droppedPending: false });
    expect(third.epochAuthenticator).toEqual(bob.epochAuthenticator);
    expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });

  it("of who joins can't be made before the external commit is merged", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const { client } = await party("eve", { suite: SUITE });
    const { group, staged } = await joinByExternalCommit(client, await alice.groupInfo());
    expect((await failure(group.update({ replacePending: true }))).code).toBe("pending");
    expect((await failure(group.stage((await alice.update()).commit))).code).toBe("pending");
    expect(await group.stage(staged.commit)).toBe(staged);
    await staged.discard();
    expect(group.active).toBe(false);
    for (const call of [() => staged.merge(), () => staged.discard(), () => staged.groupInfo()])
      expect((await failure(call)).code).toBe("closed");
  });
});

it("two members who take the same one of many stay in one group for many epochs", async () => {
  const here = await four(SUITE);
  for (let round = 0; round < 6; round++) {
    const commits: { by: Group; staged: StagedCommit }[] = [];
    for (const by of here.groups) commits.push({ by, staged: await by.update() });
    for (const group of here.groups)
      for (const { by, staged } of commits) if (by !== group) await group.stage(staged.commit);
    const winner = commits[round % 4]?.staged as StagedCommit;
    for (const group of here.groups) {
      const one = group.staged.find(({ commit }) => Buffer.from(commit).equals(winner.commit));
      await one?.merge();
    }
    await agree(here);
  }
  expect(here.groups.map(({ epoch }) => epoch)).toEqual([9n, 9n, 9n, 9n]);
  expect((here.parties as Party[]).length).toBe(4);
});
