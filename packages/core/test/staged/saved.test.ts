// RFC 9420 §9.2, §12.4, §14: what is staged is part of the saved state, until one commit is merged.

import { type Group, generateSigner, type StagedCommit } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { selfRemove, selfRemoveProposal } from "@copse/extensions";
import { nodeProvider } from "@copse/provider-node";
import {
  everyone,
  four,
  gather,
  type Meeting,
  type Party,
  party,
  reopened,
  send,
} from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

import { decode, encode, struct, vector } from "../../src/codec/index.js";
import { openRecord, sealRecord } from "../../src/group/storage/record.js";
import { SavedCandidate } from "../../src/group/storage/saved-candidate.js";
import { SavedGroup } from "../../src/group/storage/saved-group.js";

const SUITE = 1;
const extensions = [selfRemove()];

/** All that a staged commit says, its secrets too. */
async function shown(staged: StagedCommit) {
  const { commit, own, external, committer, epoch, path, proposals, welcome, ratchetTree, membersAfter } =
    staged;
  const { added, removed, updated, custom, reinit, extensions, active, authenticatedData, membersBefore } =
    staged;
  const secret = staged.active ? await staged.exportSecret("x", new Uint8Array(), 16) : undefined;
  return structuredClone({
    ...{ commit, own, external, committer, epoch, path, proposals, welcome, ratchetTree, membersAfter },
    ...{ added, removed, updated, custom, reinit, extensions, active, authenticatedData, membersBefore },
    ...{
      authenticator: staged.epochAuthenticator,
      welcomes: staged.welcomes.map((one) => ({ ...one })),
      secret,
    },
  });
}

type Scene = Meeting & { readonly alice: Group; readonly bob: Group };

async function scene(): Promise<Scene> {
  const meeting = await four(SUITE, { extensions });
  const [alice, bob] = meeting.groups as [Group, Group];
  return { ...meeting, alice, bob };
}

/** What Alice has staged, and how Bob gets to its epoch. */
const STATES: readonly (readonly [what: string, stage: (scene: Scene) => Promise<StagedCommit>])[] = [
  [
    "an own commit with a Welcome and a tree beside it",
    async ({ alice }) => {
      const eve = await party("eve", { suite: SUITE, extensions });
      return alice.add(await eve.client.createKeyPackage(), {
        ratchetTreeInWelcome: false,
        authenticatedData: new Uint8Array([9]),
      });
    },
  ],
  ["an own commit without a path", ({ alice }) => alice.commit({ reinit: REINIT })],
  ["a received commit", async ({ alice, bob }) => alice.stage((await bob.update()).commit)],
  [
    "a received commit of an own Update and of a proposal of a registered type",
    async ({ alice, bob, groups }) => {
      await everyone(groups, await alice.propose({ update: true }), 0);
      await everyone(groups, await (groups[3] as Group).propose({ custom: selfRemoveProposal() }), 3);
      return alice.stage((await bob.commit()).commit);
    },
  ],
  ["a received ReInit", async ({ alice, bob }) => alice.stage((await bob.commit({ reinit: REINIT })).commit)],
  ["a removal of this client", async ({ alice, bob }) => alice.stage((await bob.remove(0)).commit)],
  [
    "an external commit of another",
    async ({ alice, bob }) => {
      const eve = await party("eve", { suite: SUITE, extensions });
      const { commit } = await joinByExternalCommit(eve.client, await bob.groupInfo());
      await bob.stage(commit);
      return alice.stage(commit);
    },
  ],
];

const REINIT = { groupId: new Uint8Array([3]), cipherSuite: 2, extensions: [] };

describe("by a snapshot,", () => {
  it.each(STATES)("%s is staged after a restore, and can be merged", async (_what, stage) => {
    const here = await scene();
    const staged = await stage(here);
    const before = await shown(staged);
    const alice = await reopened((here.parties[0] as Party).client, here.alice);
    const [restored, ...others] = alice.staged as [StagedCommit];
    expect(others).toEqual([]);
    expect(await shown(restored)).toEqual(before);
    expect(alice.hasPendingCommit).toBe(before.own);
    expect((await failure(staged.merge())).code).toBe("closed");
    const { bob } = here;
    await bob.receive(staged.commit);
    expect(await restored.merge()).toMatchObject({ epoch: bob.epoch, own: before.own });
    expect(alice.active).toBe(before.active);
    if (!before.removed.some(({ leafIndex }) => leafIndex === 0))
      expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
    if (alice.active) {
      await send(alice, [bob], "after the restore");
      const { commit } = await alice.update();
      await bob.receive(commit);
    }
  });

  it.each(STATES)("%s that was discarded can be taken after all", async (_what, stage) => {
    const here = await scene();
    const staged = await stage(here);
    const before = await shown(staged);
    await staged.discard();
    const alice = await reopened((here.parties[0] as Party).client, here.alice);
    expect([alice.staged, alice.hasPendingCommit]).toEqual([[], false]);
    await here.bob.receive(staged.commit);
    const again = await reopened((here.parties[0] as Party).client, alice);
    expect(await shown(await again.stage(before.commit))).toEqual(before);
    expect(await again.receive(before.commit)).toMatchObject({ kind: "commit", own: before.own });
    if (again.active) await send(again, [here.bob], "after all");
  });

  it("the external commit of who joins is staged, discarded and merged", async () => {
    const { bob } = await scene();
    const eve = await party("eve", { suite: SUITE, extensions });
    const { group, staged } = await joinByExternalCommit(eve.client, await bob.groupInfo());
    const before = await shown(staged);
    const lost = await group.save();
    const restored = await reopened(eve.client, group);
    const [one] = restored.staged as [StagedCommit];
    expect(await shown(one)).toEqual(before);
    await bob.receive(one.commit);
    expect(await one.merge()).toMatchObject({ own: true, external: true });
    await send(restored, [bob], "here I am");
    await restored.close();
    const twin = await eve.client.restore(lost);
    await twin.staged[0]?.discard();
    expect((await failure(twin.save())).code).toBe("closed");
  });

  it("own and others' candidates are there in their order, discarded ones too", async () => {
    const { alice, bob, groups, parties } = await scene();
    const commits = [
      await alice.update(),
      await alice.remove(3, { replacePending: true }),
      await alice.stage((await bob.update()).commit),
      await alice.stage((await (groups[2] as Group).update()).commit),
    ];
    await commits[2]?.discard();
    const [one, two, three, four] = commits.map(({ commit }) => commit) as [Uint8Array, ...Uint8Array[]];
    const restored = await reopened((parties[0] as Party).client, alice);
    expect(restored.staged.map(({ commit }) => commit)).toEqual([two, four]);
    await restored.stage(one);
    await restored.stage(three as Uint8Array);
    expect(restored.staged.map(({ commit }) => commit)).toEqual([one, two, three, four]);
    expect(await restored.save()).toEqual(
      await (await reopened((parties[0] as Party).client, restored)).save(),
    );
  });
});

it("a saved state with more candidates than an epoch keeps takes quadratic time once it is restored", async () => {
  const { client } = await party("alice", { suite: SUITE });
  const group = await client.createGroup();
  await group.update();
  const record = await group.save();
  const { body } = await openRecord(nodeProvider().suite(SUITE), record[0] as number, record);
  const unbounded = struct({ ...SavedGroup.fields, candidates: vector(SavedCandidate) });
  const saved = decode(unbounded, body);
  const [candidate] = saved.candidates;
  const candidates = Array.from({ length: 17 }, () => candidate as (typeof saved.candidates)[number]);
  const { bytes } = await sealRecord(
    nodeProvider().suite(SUITE),
    encode(unbounded, { ...saved, candidates }),
  );
  await group.close();
  expect(await failure(client.restore(bytes))).toMatchObject({
    code: "state",
    cause: { message: expect.stringContaining("at most 16") },
  });
});

describe("the key of a private message that was staged (§9.2)", () => {
  const generationOf = (group: Group, leaf: number, generation: number) =>
    failure(async () => group.predecessor.past[0]?.secretTree.peek(leaf, "handshake", generation));

  it.each(["at once", "after a restore"])("is consumed by the merge, %s", async (when) => {
    const { parties, groups } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE }),
    ]);
    let [alice, bob] = groups as [Group, Group];
    await bob.propose({ update: true });
    const { commit } = await bob.update();
    const staged = await alice.stage(commit);
    // Staging leaves it: the same message can be staged again. Bob's generation 0 was a proposal.
    await staged.discard();
    await alice.stage(commit);
    if (when === "after a restore") alice = await reopened((parties[0] as Party).client, alice);
    await alice.staged[0]?.merge();
    expect((await generationOf(alice, 1, 1)).code).toBe("duplicate");
    // That of the proposal, which never came, is still there.
    const kept = await alice.predecessor.past[0]?.secretTree.peek(1, "handshake", 0);
    expect(kept?.key).toHaveLength(16);
    for (const way of [() => alice.receive(commit), () => alice.stage(commit)])
      expect((await failure(way)).code).toBe("duplicate");
    const again = await reopened((parties[0] as Party).client, alice);
    expect((await failure(again.receive(commit))).code).toBe("duplicate");
  });

  it("may have been consumed by another message of the same generation", async () => {
    const { parties, groups } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    // Bob's state was copied: both copies use the same generation.
    const twin = await (await (parties[1] as Party).again()).restore(await bob.save());
    const staged = await alice.stage((await bob.update()).commit);
    await alice.receive(await twin.propose({ psk: { external: new Uint8Array(1) } }));
    await staged.merge();
    await bob.mergePendingCommit();
    expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });
});

it("a client that has lost the signer of a discarded commit goes on without it", async () => {
  const { parties, alice, bob } = await scene();
  const staged = await alice.update({ signer: await generateSigner(nodeProvider(), SUITE) });
  const pending = await alice.save();
  await staged.discard();
  const discarded = await alice.save();
  const again = (parties[0] as Party).again;
  expect((await failure((await again()).restore(pending))).code).toBe("missing-signer");
  const restored = await (await again()).restore(discarded);
  expect((await failure(restored.receive(staged.commit))).code).toBe("missing-signer");
  await send(restored, [bob], "with the former signer");
});
