// RFC 9420 §12.2: what an application allows whom to do, and how it answers.
import { type Group, type Policy, ProposalType, type ProposedAction } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { gather, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const suite = 1;
const handshake = "public";

/** Alice, whose application allows everything, Bob with another policy, a follower with Bob's, and Carol outside. */
async function scene(authorize: Policy["authorize"]) {
  const policy = { handshake, authorize } as const;
  const open = { suite, policy: { handshake } } as const;
  const parties = [await party("alice", open), await party("bob", { suite, policy })];
  const { groups } = await gather(parties);
  const [alice, bob] = groups as [Group, Group];
  const { authentication } = (parties[0] as (typeof parties)[0]).config;
  const groupInfo = await alice.groupInfo();
  const follower = await PublicGroup.follow({ crypto: nodeProvider(), authentication, policy, groupInfo });
  return { alice, bob, follower, carol: (await party("carol", open)).client };
}

describe("a commit without proposals", () => {
  it("doesn't get past the policy, whether it is made, received or followed", async () => {
    const asked: ProposedAction[] = [];
    const { alice, bob, follower } = await scene((action) => {
      asked.push(action);
      return action.proposal !== undefined;
    });
    asked.length = 0;
    const error = await refused(bob, () => bob.update());
    expect(error).toMatchObject({ code: "forbidden", message: /commit without proposals/ });
    expect(error.proposal).toBeUndefined();
    const { commit } = await alice.update();
    expect(saying(await refused(bob, commit))).toBe("forbidden");
    expect(saying(await failure(follower.receive(commit)))).toBe("forbidden");
    const leaves = asked.map(({ committer, proposer }) =>
      [committer, proposer].map((one) => one?.kind === "member" && one.member.leafIndex),
    );
    expect(leaves).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
  });

  it("isn't what a commit with proposals is asked as", async () => {
    const asked: ProposedAction[] = [];
    const { alice, bob, carol } = await scene((action) => asked.push(action) > 0);
    asked.length = 0;
    await bob.receive((await alice.add(await carol.createKeyPackage())).commit);
    expect(asked.map(({ proposal }) => proposal?.proposalType)).toEqual([ProposalType.add]);
  });
});

describe("a promise", () => {
  const yes = async () => true;
  const no = async () => false;

  it("of a yes isn't taken for a no", async () => {
    const { alice, bob, follower, carol } = await scene(yes);
    await bob.propose({ add: await carol.createKeyPackage() });
    const { commit } = await alice.update();
    await follower.receive(commit);
    await bob.receive(commit);
    await alice.mergePendingCommit();
    const external = await carol.joinByExternalCommit(await alice.groupInfo());
    for (const one of [bob, follower])
      expect(await one.receive(external.commit)).toMatchObject({ kind: "commit" });
    await bob.update();
  });

  it("of a no isn't taken for a yes", async () => {
    const { alice, bob, follower, carol } = await scene(no);
    const add = await carol.createKeyPackage();
    const { commit } = await carol.joinByExternalCommit(await alice.groupInfo());
    for (const attempt of [() => bob.propose({ add }), () => bob.add(add), () => bob.update(), commit]) {
      expect(saying(await refused(bob, attempt))).toBe("forbidden");
    }
    expect(saying(await failure(follower.receive(commit)))).toBe("forbidden");
    const strict = await party("dave", { suite, policy: { authorize: no } });
    expect(saying(await failure(strict.client.joinByExternalCommit(await alice.groupInfo())))).toBe(
      "forbidden",
    );
    expect(saying(await failure(strict.client.proposeJoin(alice)))).toBe("forbidden");
  });

  it("of a no to a received proposal leaves it out of a commit", async () => {
    // A proposal may be made, but not committed.
    const { alice, bob, carol } = await scene(
      async ({ proposal, committer }) => proposal === undefined || committer === undefined,
    );
    await bob.receive(await alice.propose({ add: await carol.createKeyPackage() }));
    await bob.update();
    expect(await bob.mergePendingCommit()).toMatchObject({ added: [] });
  });
});
