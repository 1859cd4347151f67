// RFC 9420 §12.4: what a staged commit shows before it is merged, to who made it and to who received it.

import { type Group, type MlsExtension, ProposalType, type StagedCommit } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { selfRemove, selfRemoveProposal } from "@copse/extensions";
import { everyone, four, gather, type Meeting, type Party, party, send } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const PSK = new Uint8Array([7]);
const extensions: readonly MlsExtension[] = [selfRemove()];

type Scene = Meeting & { readonly a: Group; readonly b: Group; readonly others: readonly Group[] };

async function scene(handshake: "private" | "public"): Promise<Scene> {
  const options = { extensions, externalPsk: () => PSK, policy: { handshake } };
  const meeting = await four(SUITE, options);
  const [a, b, ...others] = meeting.groups as [Group, Group, ...Group[]];
  return { ...meeting, a, b, others };
}

/** All that a staged commit says, as plain data. */
function shown(staged: StagedCommit) {
  const { commit, external, committer, epoch, path, proposals, added, removed, updated } = staged;
  const {
    custom,
    reinit,
    membersBefore,
    membersAfter,
    extensions: after,
    active,
    authenticatedData,
  } = staged;
  const changes = { added, removed, updated, custom, reinit, membersBefore, membersAfter, after };
  return structuredClone({
    commit,
    external,
    committer,
    epoch,
    path,
    proposals,
    active,
    authenticatedData,
    ...changes,
  });
}

const NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(ProposalType).map(([name, type]) => [type, name]),
);
const listOf = ({ proposals }: StagedCommit) =>
  proposals.map(({ proposal, proposer, reference }) => [
    NAMES[proposal.proposalType] ?? "custom",
    proposer.kind === "member" ? proposer.member.leafIndex : proposer.kind,
    reference === undefined ? "by value" : "by reference",
  ]);

/** Commits that Alice makes, with what they show. */
const COMMITS: readonly (readonly [
  what: string,
  make: (scene: Scene) => Promise<StagedCommit>,
  expected: {
    readonly proposals: readonly unknown[];
    readonly path: boolean;
    readonly added?: readonly number[];
    readonly removed?: readonly number[];
    readonly updated?: readonly number[];
    readonly before?: number;
    readonly after?: number;
  },
])[] = [
  ["of nothing but a path", ({ a }) => a.update(), { proposals: [], path: true }],
  [
    "that adds",
    async ({ a }) =>
      a.add(await (await party("new", { suite: SUITE, extensions })).client.createKeyPackage()),
    { proposals: [["add", 0, "by value"]], path: false, added: [4], after: 5 },
  ],
  [
    "that removes another member",
    ({ a }) => a.remove(3, { authenticatedData: new Uint8Array([1, 2]) }),
    { proposals: [["remove", 0, "by value"]], path: true, removed: [3], after: 3 },
  ],
  [
    "of proposals of others, and own ones",
    async ({ a, groups }) => {
      const update = await (groups[1] as Group).propose({ update: true });
      await everyone(groups, update, 1);
      const remove = await (groups[2] as Group).propose({ remove: 3 });
      await everyone(groups, remove, 2);
      return a.commit({ psks: [{ external: PSK }] });
    },
    {
      proposals: [
        ["update", 1, "by reference"],
        ["remove", 2, "by reference"],
        ["psk", 0, "by value"],
      ],
      path: true,
      updated: [1],
      removed: [3],
      after: 3,
    },
  ],
  [
    "with a proposal of a registered type",
    async ({ a, groups }) => {
      const leave = await (groups[3] as Group).propose({ custom: selfRemoveProposal() });
      await everyone(groups, leave, 3);
      return a.commit();
    },
    { proposals: [["custom", 3, "by reference"]], path: true, removed: [3], after: 3 },
  ],
  [
    "that changes the extensions",
    ({ a }) => a.commit({ extensions: [] }),
    { proposals: [["groupContextExtensions", 0, "by value"]], path: true },
  ],
  [
    "that ends the group",
    ({ a }) => a.commit({ reinit: { groupId: PSK, cipherSuite: 2, extensions: [] } }),
    { proposals: [["reinit", 0, "by value"]], path: false },
  ],
];

describe.each(["private", "public"] as const)("a commit, with %s handshakes,", (handshake) => {
  it.each(COMMITS)("%s shows the same to all, and does what it shows", async (_what, make, expected) => {
    const here = await scene(handshake);
    const { a, b } = here;
    const own = await make(here);
    const members = a.members.length;
    const staged = await b.stage(own.commit);
    expect(shown(staged)).toEqual(shown(own));
    expect([own.own, staged.own]).toEqual([true, false]);
    expect([own.welcome !== undefined, staged.welcome]).toEqual([expected.added !== undefined, undefined]);
    expect(listOf(staged)).toEqual(expected.proposals);
    expect(staged).toMatchObject({
      epoch: a.epoch + 1n,
      path: expected.path,
      external: false,
      committer: { leafIndex: 0 },
      added: (expected.added ?? []).map((leafIndex) => ({ leafIndex })),
      removed: (expected.removed ?? []).map((leafIndex) => ({ leafIndex })),
      updated: (expected.updated ?? []).map((leafIndex) => ({ leafIndex })),
    });
    expect(staged.membersBefore).toEqual(b.members);
    expect(staged.membersAfter).toHaveLength(expected.after ?? members);
    // Nothing is in force yet.
    expect(b.epoch).toBe(a.epoch);
    if (b.proposals.length === 0) await send(b, [a], "still here");
    const { epochAuthenticator } = staged;
    const secret = await staged.exportSecret("label", PSK, 20);
    expect(epochAuthenticator).toEqual(own.epochAuthenticator);
    expect(secret).toEqual(await own.exportSecret("label", PSK, 20));
    expect(await own.merge()).toMatchObject({ own: true });
    const { committer, added, removed, updated, custom, reinit, active } = staged;
    expect(await staged.merge()).toEqual({
      ...{ kind: "commit", epoch: a.epoch, own: false, external: false, droppedPending: false, dropped: [] },
      ...{ committer, added, removed, updated, custom, reinit, active },
      authenticatedData: staged.authenticatedData,
    });
    for (const group of [a, b]) {
      expect(group.epochAuthenticator).toEqual(epochAuthenticator);
      expect(await group.exportSecret("label", PSK, 20)).toEqual(secret);
      expect(group.members).toEqual(staged.membersAfter);
      expect(group.extensions).toEqual(staged.extensions);
      expect(group.active).toBe(staged.active);
      expect(group.staged).toEqual([]);
    }
    // What is public can be read later too, and so can the secrets as long as the group has them.
    expect(shown(staged)).toEqual(shown(own));
    expect(await staged.exportSecret("label", PSK, 20)).toEqual(secret);
  });

  it("by which somebody joins shows who joins, in whose place, to both sides", async () => {
    const { a, b, parties } = await scene(handshake);
    const dave = parties[3] as Party;
    const again = await dave.again();
    for (const [client, removed, added] of [
      [again, [3], [3]],
      [(await party("erin", { suite: SUITE, extensions, policy: { handshake } })).client, [], [4]],
    ] as const) {
      const joined = await joinByExternalCommit(client, await a.groupInfo(), { resync: "if-member" });
      const { staged } = joined;
      const seen = await a.stage(joined.commit);
      expect(shown(staged)).toEqual(shown(seen));
      expect(staged).toMatchObject({
        own: true,
        external: true,
        path: true,
        committer: { leafIndex: added[0] },
      });
      expect(staged.membersBefore).toEqual(a.members);
      expect(staged.removed.map(({ leafIndex }) => leafIndex)).toEqual(removed);
      expect(staged.added.map(({ leafIndex }) => leafIndex)).toEqual(added);
      expect(listOf(staged)[0]).toEqual(["externalInit", "new-member", "by value"]);
      expect(staged.epochAuthenticator).toEqual(seen.epochAuthenticator);
      expect(await staged.exportSecret("x", PSK, 8)).toEqual(await seen.exportSecret("x", PSK, 8));
      expect((await failure(joined.group.encrypt("too early"))).code).toBe("pending");
      expect(joined.group.staged).toEqual([staged]);
      expect(await staged.merge()).toMatchObject({ own: true, external: true });
      expect(await seen.merge()).toMatchObject({ own: false, external: true });
      await b.receive(joined.commit);
      await send(joined.group, [a, b], "here I am");
    }
  });

  it("that removes this client shows it, and has no secrets for it", async () => {
    const { a, b } = await scene(handshake);
    const own = await a.remove([1]);
    const staged = await b.stage(own.commit);
    expect(staged).toMatchObject({
      active: false,
      removed: [{ leafIndex: 1 }],
      epochAuthenticator: undefined,
    });
    expect(staged.membersAfter).toEqual(own.membersAfter);
    for (const call of [() => staged.exportSecret("x", PSK, 8), () => staged.groupInfo()])
      expect((await failure(call)).code).toBe("removed");
    await send(b, [a], "still here");
    expect(await staged.merge()).toMatchObject({ active: false, removed: [{ leafIndex: 1 }] });
    expect((await failure(b.encrypt("gone"))).code).toBe("removed");
    expect((await failure(staged.merge())).code).toBe("removed");
  });
});

it("a commit that ends the group has no GroupInfo", async () => {
  const { a } = await scene("private");
  const staged = await a.commit({ reinit: { groupId: PSK, cipherSuite: 2, extensions: [] } });
  expect(staged).toMatchObject({ active: false, reinit: { groupId: PSK } });
  expect((await failure(staged.groupInfo())).code).toBe("closed");
});

it("each new member's own Welcome lets that one join, and no other", async () => {
  const { a, b, others } = await scene("private");
  const people = await Promise.all(
    ["one", "two", "three"].map((name) => party(name, { suite: SUITE, extensions })),
  );
  const staged = await a.add(await Promise.all(people.map(({ client }) => client.createKeyPackage())), {
    ratchetTreeInWelcome: false,
  });
  const { welcomes, ratchetTree, commit } = staged;
  expect(welcomes).toHaveLength(3);
  await staged.merge();
  for (const group of [b, ...others]) await group.receive(commit);
  for (const [i, { client }] of people.entries()) {
    const mine = welcomes.find(({ reference }) =>
      client.keyPackages().some((one) => toHex(one.reference) === toHex(reference)),
    );
    const anothers = welcomes[(i + 1) % 3]?.welcome as Uint8Array;
    expect((await failure(client.join(anothers, { ratchetTree }))).code).toBe("not-invited");
    const joined = await client.join(mine?.welcome as Uint8Array, { ratchetTree });
    await send(joined, [a, b], "hello");
  }
});

it("what it hands out is the caller's own, and printing it shows nothing", async () => {
  const { groups } = await gather([
    await party("alice", { suite: SUITE }),
    await party("bob", { suite: SUITE }),
  ]);
  const [a, b] = groups as [Group, Group];
  const { commit } = await a.update();
  const staged = await b.stage(commit);
  const before = toHex(staged.epochAuthenticator as Uint8Array);
  for (const bytes of [commit, staged.commit, staged.epochAuthenticator, staged.committer.signatureKey])
    bytes?.fill(0);
  expect(JSON.stringify(staged)).toBe("{}");
  await staged.merge();
  await a.mergePendingCommit();
  expect(toHex(b.epochAuthenticator)).toBe(before);
  expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);
  expect(b.members).toEqual(a.members);
});

const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
