// draft-ietf-mls-extensions, SelfRemove: members who leave, whoever commits.

import { type Group, generateSigner, type ProposalMessage, type ProposedAction } from "@copse/core";
import { decode, ProposalType, SenderType } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { SELF_REMOVE, selfRemove, selfRemoveProposal } from "@copse/extensions";
import { gather as gatherParties, type Party, party, party as partyOf } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { forge, frame, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import type { SourcedProposal } from "../../core/src/framing/sourced-proposal.js";
import { Registry } from "../../core/src/group/extensions/registry.js";
import { ContentType } from "../../core/src/wire/framed-content.js";
import { MlsMessage } from "../../core/src/wire/mls-message.js";
import {
  agree,
  client,
  crypto,
  deliver,
  gather,
  publicGroupOf,
  refusal,
  refused,
  SUITE,
  three,
} from "./clients.js";

const custom = selfRemoveProposal();

/** Three members who follow the rules, with the keys of the last in the hands of the test. */
async function withInsider() {
  const signer = await generateSigner(crypto, SUITE);
  const clients = [
    await client("alice", [selfRemove()]),
    await client("bob", [selfRemove()]),
    await client("mallory", [selfRemove()], { signer }),
  ];
  const [alice, bob, mallory] = (await gather(clients)) as [
    Awaited<ReturnType<typeof gather>>[number],
    Awaited<ReturnType<typeof gather>>[number],
    Awaited<ReturnType<typeof gather>>[number],
  ];
  const party = await partyOf("mallory", { suite: SUITE, signer, extensions: [selfRemove()] });
  return { alice, bob, mallory, from: await insider(party, mallory) };
}

describe("a member that another one removes", () => {
  it.each(["before", "after"])(
    "is removed even if it sends a SelfRemove %s others remove it",
    async (when) => {
      // Alice's policy takes a SelfRemove but doesn't commit it.
      const authorize = (action: ProposedAction) =>
        action.kind === "commit" || action.proposal.proposalType !== SELF_REMOVE || "ignore";
      const clients = [
        await client("alice", [selfRemove()], { policy: { authorize } }),
        await client("bob", [selfRemove()]),
        await client("carol", [selfRemove()]),
        await client("dave", [selfRemove()]),
      ];
      const [alice, bob, carol, dave] = (await gather(clients)) as [Group, Group, Group, Group];
      const byBob = await bob.propose({ remove: 3 });
      const selfRemoves = [await carol.propose({ custom }), await dave.propose({ custom })];
      const messages = when === "before" ? [...selfRemoves, byBob] : [byBob, ...selfRemoves];
      for (const message of messages) await alice.receive(message);
      await alice.remove(2);
      const { removed } = await alice.mergePendingCommit();
      expect(removed.map(({ leafIndex }) => leafIndex).sort()).toEqual([2, 3]);
    },
  );
});

describe("a member that removes itself", () => {
  it.each(["private", "public"] as const)(
    "is removed by another's commit, in %s handshakes",
    async (handshake) => {
      const [alice, bob, carol] = await three(() => [selfRemove()], {}, { policy: { handshake } });
      const proposal = await carol.propose({ custom });
      expect(decode(MlsMessage, proposal, new Registry([selfRemove()]).proposalTypes).wireFormat).toBe(1);
      expect(await deliver(proposal, alice, bob)).toMatchObject([{ kind: "proposal" }, { kind: "proposal" }]);
      const { commit } = await bob.commit();
      const [atAlice, atCarol] = await deliver(commit, alice, carol);
      expect(atAlice).toMatchObject({
        removed: [{ leafIndex: 2 }],
        custom: [{ proposal: { proposalType: SELF_REMOVE } }],
      });
      expect(atCarol).toMatchObject({ active: false });
      await bob.mergePendingCommit();
      agree(alice, bob);
      expect(alice.members.map(({ leafIndex }) => leafIndex)).toEqual([0, 1]);
      expect(carol.active).toBe(false);
      await bob.receive(await alice.encrypt("two are left"));
    },
  );

  it("is removed by an external commit", async () => {
    const [alice, bob, carol] = await three(() => [selfRemove()]);
    const server = await publicGroupOf(alice, [selfRemove()]);
    const proposal = await carol.propose({ custom });
    await deliver(proposal, alice, bob, server);
    const dave = await client("dave", [selfRemove()]);
    const groupInfo = await alice.groupInfo();
    const { group, commit } = await joinByExternalCommit(dave, groupInfo, { proposals: [proposal] });
    await deliver(commit, alice, bob, carol, server, group);
    agree(alice, bob, group);
    // The joiner sits where the leaf became free.
    expect(group.members.map(({ leafIndex, credential }) => [leafIndex, credential])).toEqual(
      alice.members.map(({ leafIndex, credential }) => [leafIndex, credential]),
    );
    expect(group.ownLeafIndex).toBe(2);
    expect(carol.active).toBe(false);
    expect(server.treeHash).toEqual(alice.treeHash);
    expect(server.confirmedTranscriptHash).toEqual(alice.confirmedTranscriptHash);
  });

  it("rejoins by an external commit with its SelfRemove, but not with a Remove beside it", async () => {
    const signer = await generateSigner(crypto, SUITE);
    const carolClient = await client("carol", [selfRemove()], { signer });
    const [alice, , carol] = (await gather([
      await client("alice", [selfRemove()]),
      await client("bob", [selfRemove()]),
      carolClient,
    ])) as Awaited<ReturnType<typeof three>>;
    const proposal = await carol.propose({ custom });
    await alice.receive(proposal);
    const groupInfo = await alice.groupInfo();
    const again = await client("carol", [selfRemove()], { signer });
    expect(
      await refusal(joinByExternalCommit(again, groupInfo, { resync: true, proposals: [proposal] })),
    ).toMatch(/^12\.2: .*same leaf/);
    const { commit, group } = await joinByExternalCommit(again, groupInfo, { proposals: [proposal] });
    await deliver(commit, alice, group);
    agree(alice, group);
  });

  it("takes precedence over a Remove and an Update of the same leaf", async () => {
    const [alice, bob, carol] = await three(() => [selfRemove()]);
    await deliver(await bob.propose({ remove: 2 }), alice, carol);
    await deliver(await carol.propose({ update: true }), alice, bob);
    await deliver(await carol.propose({ custom }), alice, bob);
    const { commit } = await alice.commit({ remove: [2] });
    const [atBob] = await deliver(commit, bob, carol);
    expect(atBob).toMatchObject({ removed: [{ leafIndex: 2 }], updated: [], custom: [{}] });
    await alice.mergePendingCommit();
    agree(alice, bob);
  });

  it("can't commit its own SelfRemove, and proposes it once in an epoch", async () => {
    const [alice, bob, carol] = await three(() => [selfRemove()]);
    await deliver(await carol.propose({ custom }), alice, bob);
    expect(await refused(carol, () => carol.propose({ custom }))).toMatch(/^12\.1: /);
    const { commit } = await carol.commit({ forcePath: true });
    const [atAlice] = await deliver(commit, alice, bob);
    expect(atAlice).toMatchObject({ removed: [], custom: [] });
    await carol.mergePendingCommit();
    agree(alice, bob, carol);
    // In a new epoch it may try again, and is not told to have its proposal committed by value.
    await deliver(await carol.propose({ custom }), alice);
    const other = await bob.update();
    const [atCarol] = await deliver(other.commit, carol, alice);
    expect(atCarol).toMatchObject({ dropped: [] });
  });

  it("keeps its proposal when it or another member is saved and restored", async () => {
    const signer = await generateSigner(crypto, SUITE);
    const aliceClient = await client("alice", [selfRemove()], { signer });
    const [alice, bob, carol] = (await gather([
      aliceClient,
      await client("bob", [selfRemove()]),
      await client("carol", [selfRemove()]),
    ])) as Awaited<ReturnType<typeof three>>;
    await deliver(await carol.propose({ custom }), alice, bob);
    await alice.commit();
    const saved = await alice.save();
    await alice.close();
    const restored = await aliceClient.restore(saved);
    expect(await restored.save()).toEqual(saved);
    expect(await restored.mergePendingCommit()).toMatchObject({ custom: [{ sender: { leafIndex: 2 } }] });
    const without = await client("alice", [], { signer });
    expect(await refusal(without.restore(saved))).toBe("usage");
  });
});

describe("a SelfRemove is refused", () => {
  it("by value in a commit", async () => {
    const { alice, bob, from } = await withInsider();
    expect(await refusal(alice.commit({ proposals: [custom] }))).toMatch(/^12\.[24]: /);
    const sender = { senderType: SenderType.member, leafIndex: 2 } as const;
    const message = await forge(from, { proposals: [{ proposal: custom, sender }] });
    expect(await refused(bob, () => bob.receive(message))).toMatch(/^12\.4: .*registered type/);
    // Of somebody else, whose proposal it isn't.
    const other = { senderType: SenderType.member, leafIndex: 0 } as const;
    const claimed = await forge(from, { proposals: [{ proposal: custom, sender: other }] });
    expect(await refused(bob, () => bob.receive(claimed))).toMatch(/^12\.4: .*registered type/);
  });

  it("in a PrivateMessage", async () => {
    const { alice, from } = await withInsider();
    const content = { contentType: ContentType.proposal, proposal: custom } as const;
    const message = await frame(from, content, { wireFormat: 2 });
    expect(await refused(alice, () => alice.receive(message))).toMatch(/^6: .*wire format/);
  });

  it("twice for one leaf, and beside a Remove", async () => {
    const { alice, bob, from } = await withInsider();
    const content = { contentType: ContentType.proposal, proposal: custom } as const;
    for (const message of [await frame(from, content), await frame(from, content)])
      await deliver(message, alice, bob);
    const { commit } = await alice.commit();
    expect(await deliver(commit, bob)).toMatchObject([{ removed: [{ leafIndex: 2 }] }]);
  });

  it("by reference twice for one leaf, beside a Remove or an Update of it, or of the committer", async () => {
    const registry = new Registry([selfRemove()]);
    const parties = [];
    for (const name of ["alice", "bob", "mallory"]) {
      const made = await party(name, { suite: SUITE, extensions: [selfRemove()] });
      parties.push({ ...made, config: { ...made.config, registry } });
    }
    const { groups } = await gatherParties(parties);
    const [alice, bob, mallory] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, mallory);
    const ofBob = await insider(parties[1] as Party, bob);
    const ofMallory = await frame(from, { contentType: ContentType.proposal, proposal: custom });
    const content = { contentType: ContentType.proposal, proposal: custom } as const;
    const update = await bob.propose({ update: true });
    await deliver(update, alice);
    const [first] = (await deliver(await frame(ofBob, content), alice)) as [ProposalMessage];
    const [own] = (await deliver(ofMallory, alice)) as [ProposalMessage];
    const updating = alice.proposals.find(({ proposal }) => proposal.proposalType === ProposalType.update);
    const at = (leafIndex: number, reference: Uint8Array) => ({
      proposal: custom,
      sender: { senderType: SenderType.member, leafIndex } as const,
      reference,
    });
    const sender = { senderType: SenderType.member, leafIndex: 2 } as const;
    const remove = { proposal: { proposalType: ProposalType.remove, removed: 1 }, sender } as const;
    for (const [proposals, rule] of [
      [[at(1, first.reference), at(1, first.reference)], /^12\.2: .*same leaf/],
      [[at(1, first.reference), remove], /^12\.2: .*same leaf/],
      [[remove, at(1, first.reference)], /^12\.2: .*same leaf/],
      [[updating as SourcedProposal, at(1, first.reference)], /^12\.2: .*same leaf/],
      [[at(2, own.reference)], /^12\.2: a commit must not remove its committer/],
      [[at(1, first.reference)], /^12\.4: the path/],
    ] as const) {
      const message = await forge(from, { proposals, path: "none" });
      expect(await refused(alice, () => alice.receive(message))).toMatch(rule);
    }
  });

  it("by value in an external commit, and of an epoch that is over", async () => {
    const [alice, bob, carol] = await three(() => [selfRemove()]);
    const late = await carol.propose({ custom });
    await deliver(late, alice, bob);
    const { commit } = await alice.commit();
    await deliver(commit, bob);
    await alice.mergePendingCommit();
    const dave = await client("dave", [selfRemove()]);
    const groupInfo = await alice.groupInfo();
    expect(await refusal(joinByExternalCommit(dave, groupInfo, { custom: [custom] }))).toMatch(
      /^12\.4|^draft/,
    );
    expect(await refusal(joinByExternalCommit(dave, groupInfo, { proposals: [late] }))).toBe("past-epoch");
  });

  it("from an external sender, and by a client without the extension", async () => {
    const [alice, bob, carol] = await three(() => [selfRemove()]);
    const proposal = await carol.propose({ custom });
    const server = await publicGroupOf(alice);
    expect(await refusal(server.receive(proposal))).toBe("decode");
    const changed = proposal.slice();
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    expect(await refused(bob, () => bob.receive(changed))).toMatch(/^6\.2: the membership tag/);
    const dave = await client("dave", []);
    expect(
      await refusal(joinByExternalCommit(dave, await alice.groupInfo(), { proposals: [proposal] })),
    ).toBe("decode");
  });

  it("in a group with a member that doesn't support it", async () => {
    const clients = [
      await client("alice", [selfRemove()]),
      await client("bob", []),
      await client("carol", [selfRemove()]),
    ];
    const [alice, bob, carol] = (await gather(clients)) as Awaited<ReturnType<typeof three>>;
    expect(await refused(carol, () => carol.propose({ custom }))).toMatch(/^13\.2: /);
    expect((await failure(bob.propose({ custom }))).code).toBe("unsupported");
    // Once who doesn't is gone, it can be proposed.
    const { commit } = await alice.remove(1);
    await deliver(commit, carol, bob);
    await alice.mergePendingCommit();
    await deliver(await carol.propose({ custom }), alice);
    await alice.commit();
    expect(await alice.mergePendingCommit()).toMatchObject({ removed: [{ leafIndex: 2 }] });
  });
});

it("has its own proposal type", () => {
  expect(Object.values(ProposalType)).not.toContain(SELF_REMOVE);
  expect(custom).toEqual({ proposalType: 0x000a, data: new Uint8Array() });
});
