// RFC 9420 §12.4, §16: each sender of proposals has a share of the room of an epoch, which nobody else can take.

import type { Group, Policy } from "@copse/core";
import { proposeJoin } from "@copse/core/external";
import { gather, type Party, party, reopened } from "@copse/test-support/clients";
import { code, failure, refused } from "@copse/test-support/errors";
import { frame, type Insider, insider } from "@copse/test-support/insiders";
import { expect, it } from "vitest";
import { MAX_PROPOSALS_OF_SENDER, maxShareSize } from "../../src/group/proposals/room.js";
import { cacheProposal } from "../../src/group/proposals/standalone.js";
import { ContentType } from "../../src/wire/framed-content.js";
import type { Proposal } from "../../src/wire/proposal.js";
import { externalPsk, filled, remove, SUITE } from "../proposals.js";

const MAX = MAX_PROPOSALS_OF_SENDER;

async function members(names: readonly string[], policy: Partial<Policy> = {}) {
  const parties = await Promise.all(
    names.map((name) => party(name, { suite: SUITE, policy: { handshake: "public", ...policy } })),
  );
  const { groups } = await gather(parties);
  const insiders = await Promise.all(parties.map((one, i) => insider(one, groups[i] as Group)));
  return { parties, groups, insiders };
}

const propose = (from: Insider, proposal: Proposal, authenticatedData = new Uint8Array()) =>
  frame(from, { contentType: ContentType.proposal, proposal }, { authenticatedData });

/** Different proposals to remove one leaf. */
const removes = (from: Insider, leaf: number, count: number): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => propose(from, remove(leaf), Uint8Array.of(i >> 8, i))));

async function receiveAll(group: Group, messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) await group.receive(message).catch(() => undefined);
}

it("honest members are split off when others fill the proposal room", async () => {
  const names = ["alice", "bob", "carol", "dave", "m1", "m2", "m3", "m4", "m5"];
  const { groups, insiders } = await members(names);
  const [alice, bob, carol] = groups as [Group, Group, Group];
  for (const mallory of insiders.slice(4)) {
    const junk = await removes(mallory, 8, MAX);
    for (const group of [alice, carol]) await receiveAll(group, junk);
  }
  const own = await bob.propose({ remove: 3 });
  for (const group of [alice, carol]) expect(await group.receive(own)).toMatchObject({ kind: "proposal" });
  const staged = await carol.stage((await bob.commit()).commit);
  expect(staged.removed).toMatchObject([{ leafIndex: 3 }]);
  await staged.discard();
  // Nor do they keep it out of the commits of others.
  const removed = [{ leafIndex: 8 }, { leafIndex: 3 }];
  expect(await carol.receive((await alice.commit()).commit)).toMatchObject({ kind: "commit", removed });
});

it("proposals above a sender's share divide a group if they come in another order", async () => {
  const { groups, insiders } = await members(["alice", "bob", "carol", "mallory"]);
  const [, bob, carol] = groups as [Group, Group, Group];
  const all = await removes(insiders[3] as Insider, 0, MAX + 2);
  const first = all[0] as Uint8Array;
  await receiveAll(bob, all);
  await receiveAll(carol, [...all.slice(1), first]);
  // The sets differ, by one.
  expect([bob, carol].map(({ proposals }) => proposals.length)).toEqual([MAX + 1, MAX + 1]);
  expect(bob.proposals.some(({ willCommit }) => willCommit)).toBe(false);
  const { reference } = carol.proposals.at(-1) ?? {};
  expect((await failure(carol.commit({ references: [reference as Uint8Array] }))).code).toBe("limit");
  // They hold up nothing, and what others propose is committed.
  await carol.receive(await bob.encrypt("not held up"));
  await carol.receive(await bob.propose({ remove: 3 }));
  const { commit } = await carol.commit();
  expect(await bob.receive(commit)).toMatchObject({ kind: "commit", removed: [{ leafIndex: 3 }] });
});

it("each sender has its share, the same for who sends and who receives", async () => {
  const { groups, insiders, parties } = await members(["alice", "bob", "carol"]);
  const [a, b] = groups as [Group, Group];
  const junk = await Promise.all(
    Array.from({ length: MAX + 2 }, (_, i) =>
      propose(
        insiders[1] as Insider,
        externalPsk({ pskNonce: filled(32).fill(i), pskId: filled(1 + (i >> 8)) }),
      ),
    ),
  );
  await receiveAll(a, junk);
  expect(a.proposals).toHaveLength(MAX + 1);
  const more = junk.at(-1) as Uint8Array;
  expect((await refused(a, more)).code).toBe("limit");
  // Others still have room. A dropped one takes its room too, because another member may commit it.
  await a.receive(await proposeJoin((parties[2] as Party).client, a));
  await a.dropProposals(a.proposals[0]?.reference as Uint8Array);
  expect((await refused(a, more)).code).toBe("limit");
  expect(a.proposals).toHaveLength(MAX + 2);
  for (let i = 0; i < MAX; i++) await b.propose({ psk: { resumption: 1n } });
  expect((await failure(b.propose({ remove: 0 }))).code).toBe("limit");
  // So it is after a restart.
  const again = await reopened((parties[0] as Party).client, a);
  expect((await refused(again, more)).code).toBe("limit");
});

it("one member's large proposals make every saved state 64 MB", async () => {
  const { groups, parties } = await members(["alice", "bob"]);
  const [a, b] = groups as [Group, Group];
  const identity = "x".repeat(100_000);
  const strangers = await Promise.all(Array.from({ length: 8 }, () => party(identity, { suite: SUITE })));
  let bytes = 0;
  for (const stranger of strangers) {
    const keyPackage = await stranger.client.createKeyPackage();
    const message = await b.propose({ add: keyPackage }).catch((error) => error);
    if (!(message instanceof Uint8Array)) {
      expect(message).toEqual(code("limit"));
      break;
    }
    bytes += keyPackage.length;
    await a.receive(message);
  }
  expect(bytes).toBeGreaterThan(256 * 1024);
  const size = maxShareSize((parties[0] as Party).config.provider.suite);
  expect(bytes).toBeLessThan(size);
  expect((await a.save()).length).toBeLessThan(size + 10_000);
});

it("a proposal keeps the padding and authenticated data of its message in memory", async () => {
  const { insiders } = await members(["alice", "bob"]);
  const { config, epoch } = insiders[0] as Insider;
  const { groupId, epoch: number } = epoch.groupContext;
  // As it is decoded: a view of a large message.
  const pskId = new Uint8Array(200_000).subarray(0, 8);
  const content = { contentType: ContentType.proposal, proposal: externalPsk({ pskId }) };
  const sender = { senderType: 1, leafIndex: 1 } as const;
  const authenticated = {
    wireFormat: 1,
    content: { groupId, epoch: number, sender, authenticatedData: new Uint8Array(), content },
    auth: { signature: filled(64), confirmationTag: undefined },
  };
  const { proposal } = await cacheProposal(config, epoch, authenticated, {
    direction: "receiving",
    own: false,
    known: [],
  });
  expect(proposal).toEqual(content.proposal);
  const kept = proposal as { readonly psk: { readonly pskId: Uint8Array } };
  expect(kept.psk.pskId.buffer.byteLength).toBeLessThan(1000);
});
