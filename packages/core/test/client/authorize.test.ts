// RFC 9420 §12.2: what an application is asked to authorize, when, and what its answers do.

import {
  type Authorization,
  authorizeByDefault,
  type CommitAction,
  externalSenders,
  type Group,
  type GroupSnapshot,
  generateSigner,
  type Policy,
  type ProposalAction,
  ProposalType,
  type ProposedAction,
  requiredCapabilities,
} from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { instrumentProvider } from "@copse/provider-select";
import { gather, type PartyOptions, party } from "@copse/test-support/clients";
import { code, failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const suite = 1;
const handshake = "public";
const member = (name: string, authorize?: Policy["authorize"], options: Partial<PartyOptions> = {}) =>
  party(name, { suite, ...options, policy: { handshake, authorize, ...options.policy } });

/** Alice, whose application allows everything, Bob with another policy, a follower with Bob's, and Carol outside. */
async function scene(authorize: Policy["authorize"]) {
  const policy = { handshake, authorize } as const;
  const parties = [await member("alice"), await member("bob", authorize)];
  const { groups } = await gather(parties);
  const [alice, bob] = groups as [Group, Group];
  const { authentication } = (parties[0] as (typeof parties)[0]).config;
  const groupInfo = await alice.groupInfo();
  const follower = await PublicGroup.follow({ crypto: nodeProvider(), authentication, policy, groupInfo });
  return { alice, bob, follower, carol: (await member("carol")).client };
}

/** A hook that notes what it is asked, and answers as `answer` says. */
function noting(answer: Policy["authorize"] = () => true) {
  const asked: ProposedAction[] = [];
  const authorize: Policy["authorize"] = (action) => {
    asked.push(action);
    return answer(action);
  };
  const commits = () => asked.filter((action): action is CommitAction => action.kind === "commit");
  const proposals = () => asked.filter((action): action is ProposalAction => action.kind === "proposal");
  return { asked, authorize, commits, proposals };
}

const seen = ({ groupId, epoch, extensions, members }: GroupSnapshot) => ({
  groupId,
  epoch,
  extensions,
  members,
});
/** A commit as the hook was asked about it, except by whom. */
const facts = ({ own, before, after, ...action }: CommitAction) => ({
  ...action,
  before: seen(before),
  after: seen(after),
});
const refs = (group: Group) => group.proposals.map(({ reference }) => reference);
/** Answers that authorize neither a commit nor a proposal. */
const REFUSALS = [false, "refuse", undefined, null, 1, "yes", {}, { without: [] }] as Authorization[];

describe("a whole commit", () => {
  it("is asked about once, in the same words for who makes, receives and follows it, and comes out as was said", async () => {
    const hook = noting();
    const [a, b, dave] = [
      await member("alice", hook.authorize),
      await member("bob", hook.authorize),
      await member("dave"),
    ];
    const { groups } = await gather([a, b, dave]);
    const [alice, bob, third] = groups as [Group, Group, Group];
    const groupInfo = await alice.groupInfo();
    const { authentication } = a.config;
    const policy = { handshake, authorize: hook.authorize } as const;
    const follower = await PublicGroup.follow({ crypto: nodeProvider(), authentication, policy, groupInfo });
    const update = await third.propose({ update: true });
    for (const one of [alice, bob, follower]) await one.receive(update);
    hook.asked.length = 0;
    const extensions = [requiredCapabilities({ credentialTypes: [1] })];
    const before = { groupId: alice.groupId, epoch: 1n, extensions: [], members: alice.members };
    const { commit } = await alice.commit({
      add: [await (await member("carol")).client.createKeyPackage()],
      extensions,
      identity: { signer: await generateSigner(nodeProvider(), suite) },
    });
    for (const one of [bob, follower]) await one.receive(commit);
    await alice.mergePendingCommit();
    expect(hook.asked.map(({ kind, own }) => [kind, own])).toEqual([
      ["commit", true],
      ["commit", false],
      ["commit", false],
    ]);
    const [made, received, followed] = hook.commits() as [CommitAction, CommitAction, CommitAction];
    expect(facts(made)).toMatchObject({
      committer: { kind: "member", member: { leafIndex: 0 } },
      leafIndex: 0,
      external: false,
      path: true,
      before,
      after: { groupId: bob.groupId, epoch: 2n, extensions, members: bob.members },
    });
    const proposed = made.proposals.map(({ proposal, proposer, reference }) => [
      proposal.proposalType,
      proposer.kind === "member" && proposer.member.leafIndex,
      reference !== undefined,
    ]);
    expect(proposed).toEqual([
      [ProposalType.update, 2, true],
      [ProposalType.groupContextExtensions, 0, false],
      [ProposalType.add, 0, false],
    ]);
    for (const other of [received, followed]) expect(facts(other)).toEqual(facts(made));
    expect([made.before.member(3), made.after.member(3)]).toEqual([undefined, bob.members[3]]);
    // The new signature key is in `after` alone.
    expect(made.after.member(0)).toEqual(bob.members[0]);
    expect(made.before.member(0)).not.toEqual(bob.members[0]);
  });

  it.each(["a new leaf", "the leaf of a removed member"])(
    "of who joins by it says who that is, at %s",
    async (where) => {
      const hook = noting();
      const { alice, bob, follower } = await scene(hook.authorize);
      if (where !== "a new leaf") {
        const { commit } = await alice.commit({
          add: [
            await (await member("dave")).client.createKeyPackage(),
            await (await member("eve")).client.createKeyPackage(),
          ],
        });
        for (const one of [bob, follower]) await one.receive(commit);
        await alice.mergePendingCommit();
        const removal = await alice.remove(2);
        for (const one of [bob, follower]) await one.receive(removal.commit);
        await alice.mergePendingCommit();
      }
      hook.asked.length = 0;
      const carol = await member("carol", hook.authorize);
      const { group, commit } = await joinByExternalCommit(carol.client, await alice.groupInfo());
      for (const one of [bob, follower]) await one.receive(commit);
      await group.mergePendingCommit();
      const [made, ...others] = hook.commits() as [CommitAction, ...CommitAction[]];
      expect(hook.asked).toHaveLength(3);
      expect(made).toMatchObject({
        own: true,
        external: true,
        path: true,
        committer: { kind: "new-member" },
      });
      expect(made.leafIndex).toBe(2);
      expect(made.after.member(2)).toEqual(group.members[2]);
      expect(seen(made.after)).toMatchObject({ epoch: bob.epoch, members: bob.members });
      expect(made.before.member(2)).toBeUndefined();
      for (const other of others) expect([other.own, facts(other)]).toEqual([false, facts(made)]);
    },
  );

  it("without proposals is asked about too: it renews its committer's keys", async () => {
    const hook = noting(({ kind }) => kind === "proposal");
    const { alice, bob, follower } = await scene(hook.authorize);
    hook.asked.length = 0;
    const error = await refused(bob, () => bob.update());
    expect(error).toMatchObject({ code: "forbidden", message: /commit/ });
    expect(error.proposal).toBeUndefined();
    const { commit } = await alice.update();
    expect(saying(await refused(bob, commit))).toBe("forbidden");
    expect(saying(await failure(follower.receive(commit)))).toBe("forbidden");
    expect(hook.commits().map(({ leafIndex, path, proposals }) => [leafIndex, path, proposals])).toEqual([
      [1, true, []],
      [0, true, []],
      [0, true, []],
    ]);
  });

  it.each(REFUSALS)("is authorized by `true` alone, not by %j", async (answer) => {
    const { alice, bob, follower, carol } = await scene(({ kind }) => (kind === "commit" ? answer : "keep"));
    const add = await carol.createKeyPackage();
    await bob.receive(await alice.propose({ update: true }));
    const { commit } = await alice.update();
    const external = await joinByExternalCommit(carol, await alice.groupInfo());
    for (const attempt of [() => bob.add(add), () => bob.commit(), commit, external.commit])
      expect(saying(await refused(bob, attempt))).toBe("forbidden");
    for (const message of [commit, external.commit])
      expect(saying(await failure(follower.receive(message)))).toBe("forbidden");
    const strict = await member("dave", () => answer);
    expect(await failure(joinByExternalCommit(strict.client, await alice.groupInfo()))).toEqual(
      code("forbidden"),
    );
  });

  it("is asked about when it is staged, and not again when it is merged, staged again, or restored", async () => {
    const hook = noting();
    const [a, b] = [await member("alice"), await member("bob", hook.authorize)];
    const { groups } = await gather([a, b]);
    const [alice, bob] = groups as [Group, Group];
    const { commit } = await alice.update();
    const staged = await bob.stage(commit);
    expect(hook.commits().map(({ own, leafIndex }) => [own, leafIndex])).toEqual([[false, 0]]);
    expect(hook.commits()[0]?.after.members).toEqual(staged.membersAfter);
    await staged.discard();
    await bob.stage(commit);
    const own = await bob.commit();
    expect(hook.asked).toHaveLength(2);
    await own.discard();
    const saved = await bob.save();
    await bob.close();
    const restored = await b.client.restore(saved);
    expect(await restored.receive(commit)).toMatchObject({ kind: "commit", epoch: 2n });
    expect(hook.asked).toHaveLength(2);
  });

  it("isn't staged if it is refused, and nothing changes", async () => {
    const { alice, bob } = await scene(({ kind }) => kind === "proposal");
    const { commit } = await alice.update();
    expect(await refused(bob, () => bob.stage(commit))).toEqual(code("forbidden"));
    expect(bob.staged).toEqual([]);
  });

  it("that breaks a rule is refused for that: only valid ones are asked about", async () => {
    const hook = noting();
    const { alice, bob } = await scene(hook.authorize);
    hook.asked.length = 0;
    for (const work of [
      () => bob.remove(1),
      () => bob.remove(7),
      () => bob.commit({ extensions: [NOBODYS] }),
    ])
      expect((await refused(bob, work)).code).toBe("validation");
    expect(hook.asked).toEqual([]);
    await bob.receive((await alice.update()).commit);
    expect(hook.asked).toHaveLength(1);
  });

  it.each(["private", "public"] as const)(
    "is refused before its path costs anything, and can be received later (%s)",
    async (format) => {
      let answer = true;
      const crypto = instrumentProvider(nodeProvider());
      const policy = { handshake: format, authorize: () => answer } as const;
      const { groups } = await gather([
        await party("alice", { suite }),
        await party("bob", { suite, crypto, policy }),
        await party("carol", { suite }),
      ]);
      const [alice, bob] = groups as [Group, Group];
      const { commit } = await alice.update();
      answer = false;
      crypto.reset();
      expect((await refused(bob, commit)).code).toBe("forbidden");
      expect((await refused(bob, () => bob.update())).code).toBe("forbidden");
      const calls = () => crypto.report().flatMap(({ operations }) => Object.keys(operations));
      const ofPaths = () => calls().filter((name) => /^hpke\.(seal|open|derive)/.test(name));
      expect(calls()).toContain("signature.verify");
      expect(ofPaths()).toEqual([]);
      answer = true;
      expect(await bob.receive(commit)).toMatchObject({ kind: "commit" });
      expect(ofPaths()).not.toEqual([]);
    },
  );
});

const NOBODYS = { extensionType: 0xff00, extensionData: new Uint8Array(1) };

describe("a proposal by itself", () => {
  it("is asked about by who sends it, and by who receives and follows it, and again in its commit", async () => {
    const hook = noting();
    const { alice, bob, follower, carol } = await scene(hook.authorize);
    hook.asked.length = 0;
    const sent = await bob.propose({ add: await carol.createKeyPackage() });
    await follower.receive(sent);
    await alice.receive(sent);
    await bob.receive(await alice.propose({ update: true }));
    // What is known already isn't asked about again.
    await follower.receive(sent);
    const asked = hook.proposals().map(({ own, proposal, proposer, group }) => ({
      own,
      type: proposal.proposalType,
      by: proposer.kind === "member" && proposer.member.leafIndex,
      group: group && seen(group),
    }));
    const group = { groupId: bob.groupId, epoch: bob.epoch, extensions: [], members: bob.members };
    expect(asked).toEqual([
      { own: true, type: ProposalType.add, by: 1, group },
      { own: false, type: ProposalType.add, by: 1, group },
      { own: false, type: ProposalType.update, by: 0, group },
    ]);
    await bob.commit();
    expect(hook.commits()[0]?.proposals.map(({ reference }) => reference)).toEqual(refs(bob));
  });

  it("of who isn't in the group is asked about without a group", async () => {
    const hook = noting();
    const dave = await member("dave", hook.authorize);
    const { alice } = await scene(undefined);
    await proposeJoin(dave.client, alice);
    expect(hook.asked).toMatchObject([{ kind: "proposal", own: true, proposer: { kind: "new-member" } }]);
    expect(hook.proposals()[0]?.group).toBeUndefined();
  });

  it.each(["keep", "ignore"] as const)(
    "that is answered by %s is known, and commits say so",
    async (answer) => {
      const { alice, bob } = await scene(({ kind }) => kind === "commit" || answer);
      const keep = answer === "keep";
      await alice.receive(await bob.propose({ remove: 0 }));
      const stranger = await member("dave");
      const join = await proposeJoin(stranger.client, bob);
      for (const one of [alice, bob]) await one.receive(join);
      // Own ones too.
      expect(bob.proposals.map(({ willCommit }) => willCommit)).toEqual([keep, keep]);
      if (keep) await expect(bob.encrypt("held up")).rejects.toEqual(code("pending"));
      else await alice.receive(await bob.encrypt("not held up"));
      const { commit, welcome } = await bob.commit();
      expect(welcome !== undefined).toBe(keep);
      await bob.clearPendingCommit();
      expect(commit.length > 0).toBe(true);
      // What is ignored may be committed by name, and by others.
      const byName = await bob.commit({ references: refs(bob) });
      expect(await alice.receive(byName.commit)).toMatchObject({
        removed: [{ leafIndex: 0 }],
        active: false,
      });
    },
  );

  it("that is ignored is committed by others", async () => {
    const { alice, bob, follower } = await scene(({ kind }) => kind === "commit" || "ignore");
    const update = await alice.propose({ update: true });
    for (const one of [bob, follower]) await one.receive(update);
    const carol = await member("carol");
    const { commit, welcome } = await alice.add(await carol.client.createKeyPackage());
    for (const one of [bob, follower]) await one.receive(commit);
    await alice.mergePendingCommit();
    const third = await carol.client.join(welcome as Uint8Array);
    const again = await alice.propose({ update: true });
    for (const one of [bob, third]) await one.receive(again);
    const byCarol = await third.commit();
    expect(await bob.receive(byCarol.commit)).toMatchObject({ updated: [{ leafIndex: 0 }] });
  });

  it.each(REFUSALS)("that is answered by %j isn't sent, and is forgotten", async (answer) => {
    const { alice, bob, follower, carol } = await scene(({ kind }) => (kind === "commit" ? true : answer));
    expect(await refused(bob, () => bob.propose({ update: true }))).toMatchObject({
      code: "forbidden",
      message: /update proposal/,
    });
    const proposal = await alice.propose({ add: await carol.createKeyPackage() });
    expect((await refused(bob, proposal)).code).toBe("forbidden");
    expect(await failure(follower.receive(proposal))).toEqual(code("forbidden"));
    expect([bob.proposals, follower.proposals]).toEqual([[], []]);
    const strict = await member("dave", () => answer);
    expect(await failure(proposeJoin(strict.client, alice))).toEqual(code("forbidden"));
    // Its commit can't be processed.
    expect((await refused(bob, (await alice.commit()).commit)).code).toBe("proposal-missing");
  });

  it("that is answered by `true` is kept or ignored as without a hook", async () => {
    for (const authorize of [() => true, async () => true, authorizeByDefault, undefined]) {
      const { alice, bob } = await scene(authorize);
      const join = await proposeJoin((await member("dave")).client, alice);
      const reinit = { groupId: new Uint8Array(3), cipherSuite: suite, extensions: [] };
      const own = await bob.propose({ reinit });
      await alice.receive(own);
      for (const message of [await alice.propose({ reinit }), await alice.propose({ update: true }), join])
        await bob.receive(message);
      expect(bob.proposals.map(({ willCommit }) => willCommit)).toEqual([true, false, true, false]);
    }
  });

  it("of an external sender is asked about by who sends it", async () => {
    const hook = noting();
    const signer = await generateSigner(nodeProvider(), suite);
    const credential = { credentialType: 1, identity: new Uint8Array(1) } as const;
    const alice = await member("alice");
    const group = await alice.client.createGroup({
      extensions: [externalSenders([{ signatureKey: signer.publicKey, credential }])],
    });
    const { authentication } = alice.config;
    const follower = await PublicGroup.follow({
      crypto: nodeProvider(),
      authentication,
      policy: { authorize: hook.authorize },
      groupInfo: await group.groupInfo(),
    });
    const add = await (await member("bob")).client.createKeyPackage();
    await follower.receive(await follower.propose(signer, { add }));
    expect(hook.asked).toMatchObject(
      [true, false].map((own) => ({ own, proposer: { kind: "external", senderIndex: 0, credential } })),
    );
  });

  it("isn't asked about again when messages are sent, nor after a restart", async () => {
    let answer: "keep" | "ignore" = "ignore";
    const hook = noting(({ kind }) => kind === "commit" || answer);
    const a = await member("alice", hook.authorize);
    const { groups } = await gather([a, await member("bob")]);
    const [alice, bob] = groups as [Group, Group];
    await alice.receive(await bob.propose({ update: true }));
    answer = "keep";
    await alice.receive(await bob.propose({ update: true }));
    hook.asked.length = 0;
    expect(alice.proposals.map(({ willCommit }) => willCommit)).toEqual([false, true]);
    await alice.dropProposals(refs(alice)[1] as Uint8Array);
    await bob.dropProposals(refs(bob)[0] as Uint8Array);
    await alice.encrypt("goes on");
    const saved = await alice.save();
    await alice.close();
    const restored = await a.client.restore(saved);
    expect(restored.proposals.map(({ willCommit }) => willCommit)).toEqual([false, false]);
    await restored.encrypt("goes on");
    expect(hook.asked).toEqual([]);
  });
});

describe("a promise", () => {
  it("of a yes isn't taken for a no", async () => {
    const { alice, bob, follower, carol } = await scene(async () => true);
    await bob.propose({ add: await carol.createKeyPackage() });
    const { commit } = await alice.update();
    await follower.receive(commit);
    await bob.receive(commit);
    await alice.mergePendingCommit();
    const external = await joinByExternalCommit(carol, await alice.groupInfo());
    for (const one of [bob, follower])
      expect(await one.receive(external.commit)).toMatchObject({ kind: "commit" });
    await bob.update();
  });

  it("of a no isn't taken for a yes", async () => {
    const { alice, bob, follower, carol } = await scene(async () => false);
    const add = await carol.createKeyPackage();
    const { commit } = await joinByExternalCommit(carol, await alice.groupInfo());
    for (const attempt of [() => bob.propose({ add }), () => bob.add(add), () => bob.update(), commit]) {
      expect(saying(await refused(bob, attempt))).toBe("forbidden");
    }
    expect(saying(await failure(follower.receive(commit)))).toBe("forbidden");
    const strict = await member("dave", async () => false);
    expect(await failure(joinByExternalCommit(strict.client, await alice.groupInfo()))).toEqual(
      code("forbidden"),
    );
    expect(await failure(proposeJoin(strict.client, alice))).toEqual(code("forbidden"));
  });
});
