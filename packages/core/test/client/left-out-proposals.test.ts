// RFC 9420 §12.2, §12.4: received proposals that the application leaves out of own commits, and that nobody is held up by.

import {
  authorizeByDefault,
  type CommitAction,
  type Group,
  type Policy,
  ProposalType,
  type ProposedAction,
} from "@copse/core";
import { proposeJoin } from "@copse/core/external";
import { gather, party } from "@copse/test-support/clients";
import { refused } from "@copse/test-support/errors";
import { eachProposal } from "@copse/test-support/policies";
import { describe, expect, it } from "vitest";
import { SUITE } from "../proposals.js";

const member = (name: string, authorize?: Policy["authorize"]) =>
  party(name, { suite: SUITE, policy: { handshake: "public", authorize } });
const refs = (group: Group) => group.proposals.map(({ reference }) => reference);
const isRemove = ({ proposal }: { proposal: { proposalType: number } }) =>
  proposal.proposalType === ProposalType.remove;
/** A hook that notes which commits it is asked about. */
function noting(answer: (action: ProposedAction) => ReturnType<NonNullable<Policy["authorize"]>>) {
  const commits: CommitAction[] = [];
  const authorize: Policy["authorize"] = (action) => {
    if (action.kind === "commit") commits.push(action);
    return answer(action);
  };
  return { commits, authorize };
}

describe("received proposals that the policy leaves out of an own commit", () => {
  /** Alice with a hook, Bob, Carol and Dave. */
  async function four(authorize: Policy["authorize"]) {
    const parties = [
      await member("alice", authorize),
      ...(await Promise.all(["bob", "carol", "dave"].map((name) => member(name)))),
    ];
    const { groups } = await gather(parties);
    return groups as [Group, Group, Group, Group];
  }
  /** Leaves Removes out of commits, but takes them as proposals. */
  const withoutRemoves = (action: ProposedAction) => {
    if (action.kind === "proposal") return "keep";
    const without = action.proposals.filter(isRemove).flatMap(({ reference }) => reference ?? []);
    return without.length === 0 || { without };
  };

  it("aren't in it, and the hook is asked again about the commit without them", async () => {
    const hook = noting(withoutRemoves);
    const [a, b, c] = await four(hook.authorize);
    for (const message of [await b.propose({ update: true }), await b.propose({ remove: 2 })]) {
      for (const group of [a, c]) await group.receive(message);
    }
    hook.commits.length = 0;
    const { commit } = await a.commit();
    expect(
      hook.commits.map(({ proposals }) => proposals.map(({ proposal }) => proposal.proposalType)),
    ).toEqual([[ProposalType.update, ProposalType.remove], [ProposalType.update]]);
    expect(await c.receive(commit)).toMatchObject({ updated: [{ leafIndex: 1 }], removed: [] });
  });

  it("make room for those that they excluded", async () => {
    const [a, b, c, d] = await four(withoutRemoves);
    for (const message of [await c.propose({ update: true }), await b.propose({ remove: 2 })]) {
      for (const group of [a, d]) await group.receive(message);
    }
    // Of an Update and a Remove of one leaf the Remove is chosen, unless it is left out.
    expect(await d.receive((await a.commit()).commit)).toMatchObject({
      updated: [{ leafIndex: 2 }],
      removed: [],
    });
  });

  it("are all left out if the hook names them one by one, so that the number of questions is bounded", async () => {
    const hook = noting((action) => {
      if (action.kind === "proposal") return "keep";
      const [first] = action.proposals.flatMap(({ reference }) => reference ?? []);
      return first === undefined || { without: [first] };
    });
    const [a, b, c] = await four(hook.authorize);
    for (let i = 0; i < 40; i++) {
      const message = await b.propose({ psk: { resumption: 1n } });
      for (const group of [a, c]) await group.receive(message);
    }
    hook.commits.length = 0;
    const { commit } = await a.remove(3);
    expect(hook.commits).toHaveLength(18);
    expect(hook.commits.at(-1)?.proposals).toMatchObject([{ proposal: { removed: 3 } }]);
    expect(await c.receive(commit)).toMatchObject({ removed: [{ leafIndex: 3 }] });
  });

  it.each<[string, (references: Uint8Array[]) => Uint8Array[]]>([
    ["one that isn't in the commit", ([first]) => [first as Uint8Array, new Uint8Array(32)]],
    ["what is no reference", () => ["x" as unknown as Uint8Array]],
    ["nothing", () => []],
  ])("must be named: the commit is forbidden if the hook names %s", async (_, name) => {
    const [a, b] = await four((action) => {
      if (action.kind === "proposal") return "keep";
      const references = action.proposals.flatMap(({ reference }) => reference ?? []);
      return references.length === 0 || { without: name(references) };
    });
    await a.receive(await b.propose({ remove: 2 }));
    expect((await refused(a, () => a.commit())).code).toBe("forbidden");
    // By hand.
    await a.dropProposals(refs(a)[0] as Uint8Array);
    await a.commit();
  });

  it("aren't left out of a commit that was asked to have exactly these, nor of one that is received", async () => {
    const [a, b, c] = await four(withoutRemoves);
    const proposal = await b.propose({ remove: 2 });
    await a.receive(proposal);
    expect((await refused(a, () => a.commit({ references: refs(a) }))).code).toBe("forbidden");
    expect((await refused(a, (await b.commit()).commit)).code).toBe("forbidden");
    // An own Remove is forbidden: it isn't a received one.
    const own = await four((action) => action.kind === "proposal" || !action.proposals.some(isRemove));
    expect((await refused(own[0], () => own[0].remove(2))).code).toBe("forbidden");
    // And none at all is a choice as well.
    expect(await c.receive((await a.commit({ references: [] })).commit)).toMatchObject({ removed: [] });
  });
});

describe("a member's proposal that a rule forbids", () => {
  // Mallory is at leaf 2. Nobody may remove anybody, and a group has at most four members.
  const rules: Record<string, Policy["authorize"]> = {
    "no hook": undefined,
    "a rule for proposals, and the default": (action) =>
      action.kind === "proposal" && isRemove(action) ? "ignore" : authorizeByDefault(action),
    "a rule for proposals, in commits too": eachProposal((_, action) =>
      action.kind === "commit" ? !action.proposals.some(isRemove) : !isRemove(action),
    ),
    "a rule for commits, which names what to leave out": (action) => {
      if (action.kind === "proposal") return authorizeByDefault(action);
      const bad = action.proposals.filter((one) => isRemove(one)).flatMap(({ reference }) => reference ?? []);
      return bad.length === 0 || { without: bad };
    },
  };
  it.each(Object.keys(rules))(
    "keeps nobody from committing, or from sending after that: %s",
    async (name) => {
      const authorize = rules[name];
      const names = ["alice", "bob", "mallory", "dave"];
      const { groups } = await gather(
        await Promise.all(names.map((one) => member(one, one === "mallory" ? undefined : authorize))),
      );
      const [alice, bob, mallory] = groups as [Group, Group, Group];
      const bad = await mallory.propose({ remove: 3 });
      const stranger = await proposeJoin((await member("eve")).client, alice);
      for (const group of [alice, bob]) {
        for (const message of [bad, stranger]) await group.receive(message).catch(() => undefined);
      }
      const { commit } = await alice.update();
      expect(await bob.receive(commit)).toMatchObject({ kind: "commit", added: [] });
      await alice.mergePendingCommit();
      expect(bob.members).toHaveLength(name === "no hook" ? 3 : 4);
      await bob.receive(await alice.encrypt("goes on"));
    },
  );
});
