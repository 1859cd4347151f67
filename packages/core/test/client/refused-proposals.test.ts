// RFC 9420 §7.3, §12.1, §12.2: invalid proposals are refused when a commit is made and when it is received.
import { type Group, x509Credential } from "@copse/core";
import { four, gather, keyPackageIn, type Party, party } from "@copse/test-support/clients";
import { failure, named, refused, saying } from "@copse/test-support/errors";
import { by, forge, frame, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { ContentType, SenderType } from "../../src/wire/framed-content.js";
import { type Proposal, ProposalType } from "../../src/wire/proposal.js";

const SUITE = 1;

describe("the committer validates key packages too", () => {
  const DAY = 24 * 60 * 60;
  const YEAR = 365 * DAY * 1000;
  it.each([
    ["expired", { now: () => Date.now() - YEAR }, "7.3: the current time"],
    ["not valid yet", { now: () => Date.now() + YEAR }, "7.3: the current time"],
    ["valid for too long", { lifetime: 1000 * DAY }, "7.2: a LeafNode whose total lifetime"],
  ])("one that is %s is refused when an Add is committed or proposed", async (_, policy, rule) => {
    const newMember = await party("new-member", { suite: SUITE, policy });
    const keyPackage = await newMember.client.createKeyPackage();
    const { groups } = await gather([await party("alice", { suite: SUITE })]);
    const [alice] = groups as [Group];
    for (const work of [alice.add(keyPackage), alice.propose({ add: keyPackage })]) {
      expect(saying(await failure(work))).toMatch(named(rule));
    }
    expect(alice.hasPendingCommit).toBe(false);
    // With the new member's clock and bounds the same key package is taken.
    const { groups: others } = await gather([
      await party("alice", { suite: SUITE, policy: { ...policy, maxLifetime: 2000 * DAY } }),
    ]);
    await (others[0] as Group).add(keyPackage);
  });
});

describe("GroupContextExtensions that a member doesn't support", () => {
  const extensions = [{ extensionType: 0xff00, extensionData: new Uint8Array(3) }];
  const extra = { extensions: [0xff00] };
  it("are refused at creation and on receipt, and accepted if all members support them", async () => {
    const [able, unable] = [
      await party("able", { suite: SUITE, capabilities: extra }),
      await party("unable", { suite: SUITE }),
    ];
    const { groups } = await gather([able, unable]);
    const [a, b] = groups as [Group, Group];
    expect(saying(await failure(a.commit({ extensions })))).toMatch(/^13\.4: /);
    const from = await insider(able, a);
    const proposal = { proposalType: ProposalType.groupContextExtensions, extensions } as const;
    const sender = { senderType: SenderType.member, leafIndex: 0 } as const;
    expect(saying(await refused(b, await forge(from, { proposals: [{ proposal, sender }] })))).toMatch(
      /^13\.4: /,
    );
    const { commit } = await a.commit({ extensions, remove: [1] });
    await b.receive(commit);
    await a.mergePendingCommit();
    expect(a.extensions).toEqual(extensions);
    const late = await party("late", { suite: SUITE });
    expect(saying(await failure(a.add(await late.client.createKeyPackage())))).toMatch(/^13\.4: /);
    const good = await party("good", { suite: SUITE, capabilities: extra });
    await a.add(await good.client.createKeyPackage());
  });
});

describe("an error names the invalid proposal", () => {
  it("at creation, by its index, its type and the rule", async () => {
    const { groups } = await four(SUITE);
    const [alice] = groups as [Group];
    const good = await (await party("good", { suite: SUITE })).client.createKeyPackage();
    const old = { now: () => 10 ** 12 };
    const bad = await (await party("old", { suite: SUITE, policy: old })).client.createKeyPackage();
    const error = await failure(alice.commit({ remove: [3], add: [good, bad] }));
    expect(error.proposal).toMatchObject({ index: 2, type: ProposalType.add, name: "add" });
    expect(saying(error)).toMatch(/^7\.3: the current time/);
    expect((await failure(alice.propose({ add: bad }))).proposal).toMatchObject({ index: 0, name: "add" });
    expect((await failure(alice.commit({ remove: [1, 7] }))).proposal).toMatchObject({
      index: 1,
      name: "remove",
    });
  });
  it("on receipt, also by its reference if it has one", async () => {
    const { parties, groups } = await four(SUITE);
    const [, bob, mallory] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, mallory);
    const remove = (removed: number) => ({ proposalType: ProposalType.remove, removed }) as const;
    const byValue = await forge(from, { proposals: by(2, remove(3), remove(9)) });
    expect((await refused(bob, byValue)).proposal).toMatchObject({ index: 1, type: 3, name: "remove" });
    // The rules about the list name one as well: here the second that is about leaf 3.
    const twice = await forge(from, { proposals: by(2, remove(0), remove(3), remove(3)) });
    expect((await refused(bob, twice)).proposal).toMatchObject({ index: 2, type: 3, name: "remove" });
    await bob.receive(await mallory.propose({ remove: 3 }));
    const [known] = bob.proposals;
    const reference = known?.reference as Uint8Array;
    const sender = { senderType: SenderType.member, leafIndex: 2 } as const;
    const referred = { proposal: remove(3), sender, reference };
    const list = [...by(2, remove(3)), referred];
    const error = await refused(bob, await forge(from, { proposals: list }));
    expect(error.proposal).toMatchObject({ index: 1, name: "remove", reference });
  });
});

describe("a proposal that can't be applied", () => {
  const extensions = [{ extensionType: 0xff00, extensionData: new Uint8Array(1) }];
  const pskNonce = new Uint8Array(32);
  async function addition(): Promise<Proposal> {
    const stranger = await party("stranger", {
      suite: SUITE,
      credential: x509Credential([new Uint8Array(1)]),
      capabilities: { credentials: [2] },
    });
    const keyPackage = keyPackageIn(await stranger.client.createKeyPackage());
    return { proposalType: ProposalType.add, keyPackage };
  }
  it.each<[string, () => Promise<Proposal>]>([
    [
      "an extension that not all members support",
      async () => ({ proposalType: ProposalType.groupContextExtensions, extensions }),
    ],
    [
      "a PSK that isn't known",
      async () => ({
        proposalType: ProposalType.psk,
        psk: { pskType: 1, pskId: new Uint8Array(1), pskNonce },
      }),
    ],
    ["an Add of a client that doesn't support the others' credentials", addition],
  ])("%s doesn't keep the others from committing", async (_, make) => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob, mallory] = groups as [Group, Group, Group];
    const from = await insider(parties[2] as Party, mallory);
    const proposal = await make();
    const bad = await frame(from, { contentType: ContentType.proposal, proposal });
    const good = await bob.propose({ update: true });
    for (const message of [bad, good]) await alice.receive(message);
    await bob.receive(bad);
    const { commit } = await alice.commit();
    expect(await bob.receive(commit)).toMatchObject({
      kind: "commit",
      updated: [{ leafIndex: 1 }],
      added: [],
    });
    await alice.mergePendingCommit();
    expect(await bob.receive(await alice.encrypt("go on"))).toMatchObject({ kind: "application" });
  });
  it("doesn't keep the others from committing either if an extension throws an error of its own", async () => {
    const extension = {
      name: "strict",
      checkList: ({ proposals }: { proposals: readonly { proposal: Proposal }[] }) => {
        if (proposals.some(({ proposal }) => proposal.proposalType === ProposalType.add)) {
          throw new TypeError("no Adds here");
        }
      },
    };
    const { groups } = await gather([
      await party("bob", { suite: SUITE }),
      await party("alice", { suite: SUITE, extensions: [extension] }),
    ]);
    const [bob, alice] = groups as [Group, Group];
    const stranger = await (await party("stranger", { suite: SUITE })).client.createKeyPackage();
    await alice.receive(await bob.propose({ add: stranger }));
    const { welcome } = await alice.commit();
    expect(welcome).toBeUndefined();
  });
  it("is named in the error if the committer itself asks for it", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const error = await failure(alice.commit({ extensions, remove: [3] }));
    expect(error.proposal).toMatchObject({ name: "groupContextExtensions" });
    const from = await insider(parties[2] as Party, groups[2] as Group);
    const proposals = by(2, { proposalType: ProposalType.remove, removed: 3 }, await addition());
    const received = await refused(bob, await forge(from, { proposals }));
    expect(received.proposal).toMatchObject({ index: 1, name: "add" });
  });
});
