// RFC 9420 §12.1.3, §12.1.7, §12.4: whom a commit removes, which extensions it changes, and which proposals it leaves out.
import {
  basicCredential,
  type Extension,
  externalSenders,
  type Group,
  generateSigner,
  isBasicCredential,
  type Member,
  ProposalType,
  requiredCapabilities,
  type WaitingProposal,
} from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { text } from "@copse/test-support/bytes";
import { everyone, gather, party } from "@copse/test-support/clients";
import { code, failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { filled, SUITE } from "../proposals.js";

const member = (name: string) => party(name, { suite: SUITE, policy: { handshake: "public" } });
const personOf = ({ credential }: Pick<Member, "credential">) =>
  isBasicCredential(credential) ? text(credential.identity).split("/")[0] : undefined;

/** Alice with two devices, Bob with three, and Carol. */
async function devices() {
  const names = ["alice/1", "bob/1", "alice/2", "bob/2", "carol/1", "bob/3"];
  const { groups } = await gather(await Promise.all(names.map(member)));
  return groups as [Group, Group, Group, Group, Group, Group];
}
const leaves = (members: readonly Member[]) => members.map(({ leafIndex }) => leafIndex);

describe("members to remove that a function names", () => {
  it("are all devices of one person, in one commit", async () => {
    const groups = await devices();
    const [a1, b1, a2] = groups;
    const staged = await a1.remove((one) => personOf(one) === "bob");
    expect(leaves(staged.removed)).toEqual([1, 3, 5]);
    for (const group of [a2, b1]) {
      const report = await group.receive(staged.commit);
      expect(report.kind === "commit" && leaves(report.removed)).toEqual([1, 3, 5]);
    }
    await staged.merge();
    expect([a1.members.map(personOf), b1.active]).toEqual([["alice", "alice", "carol"], false]);
    // In `commit`, with other changes.
    const add = [await (await member("dave")).client.createKeyPackage()];
    const next = await a1.commit({ add, remove: (one) => personOf(one) === "carol" });
    expect([leaves(next.removed), next.added.map(personOf)]).toEqual([[4], ["dave"]]);
  });

  it("are each asked about once, as the application knows them", async () => {
    const [a1] = await devices();
    const asked: Member[] = [];
    await a1.remove((one) => asked.push(one) === 2);
    expect(asked).toEqual(a1.members);
  });

  it.each<[string, (one: Member) => unknown, string]>([
    ["nobody", () => false, "usage"],
    ["by a promise, which is no yes", async () => true, "usage"],
    ["the committer too", (one) => personOf(one) === "alice", "12.2: a commit must not remove its committer"],
  ])("must be others, and somebody: not %s", async (_, matches, error) => {
    const [a1] = await devices();
    const remove = matches as (one: Member) => boolean;
    for (const work of [() => a1.remove(remove), () => a1.commit({ remove })])
      expect(saying(await refused(a1, work))).toBe(error);
  });

  it("aren't decided by a function that fails, or that calls its group", async () => {
    const [a1] = await devices();
    await a1.propose({ update: true });
    const broken = new TypeError("a bug");
    const throwing = () => {
      throw broken;
    };
    for (const work of [() => a1.remove(throwing), () => a1.dropProposals(throwing)])
      expect(await refused(a1, work)).toMatchObject({ code: "try-again", cause: broken });
    let inner: Promise<unknown> | undefined;
    await a1.remove((one) => {
      inner ??= failure(a1.encrypt("from within"));
      return one.leafIndex === 1;
    });
    expect(await inner).toEqual(code("reentrant"));
  });
});

describe("received proposals to leave out", () => {
  const refs = (group: Group) => group.proposals.map(({ reference }) => reference);
  const kept = (group: Group) => group.proposals.map(({ willCommit }) => willCommit);

  /** Alice, Bob and Carol; Alice has four proposals. */
  async function waiting() {
    const { groups } = await gather(await Promise.all(["alice", "bob", "carol"].map(member)));
    const [a, b, c] = groups as [Group, Group, Group];
    for (const message of [
      await b.propose({ update: true }),
      await b.propose({ remove: 2 }),
      await c.propose({ update: true }),
      await c.propose({ add: await (await member("dave")).client.createKeyPackage() }),
    ]) {
      for (const group of [a, b, c]) await group.receive(message);
    }
    return { a, b, c };
  }

  it("are several at once, by their references or by a function", async () => {
    const { a, b, c } = await waiting();
    expect(kept(a)).toEqual([true, true, true, true]);
    const asked: WaitingProposal[] = [];
    await a.dropProposals((one) => {
      asked.push(one);
      return one.proposal.proposalType === ProposalType.update;
    });
    expect(kept(a)).toEqual([false, true, false, true]);
    expect(asked.map(({ reference, willCommit }) => [reference, willCommit])).toEqual(
      refs(a).map((reference) => [reference, true]),
    );
    await b.dropProposals(refs(b).slice(1, 3));
    expect(kept(b)).toEqual([false, false, false, true]);
    await c.dropProposals(refs(c)[3] as Uint8Array);
    expect(kept(c).at(-1)).toBe(false);
    const staged = await a.commit();
    expect([staged.updated, leaves(staged.removed), leaves(staged.added)]).toEqual([[], [2], [2]]);
    // They stay known: others may commit them.
    expect(await a.receive((await c.commit()).commit)).toMatchObject({ updated: [{ leafIndex: 1 }] });
  });

  it("may be none, if a function says so, but references must be known, or nothing changes", async () => {
    const { a } = await waiting();
    await a.dropProposals(() => false);
    await a.dropProposals((async () => true) as unknown as () => boolean);
    await a.dropProposals([]);
    const [first] = refs(a) as [Uint8Array];
    expect(await refused(a, () => a.dropProposals([first, filled()]))).toMatchObject({
      code: "proposal-missing",
      references: [filled()],
    });
    expect(kept(a)).toEqual([true, true, true, true]);
  });
});

describe("changes of single extensions", () => {
  const required = requiredCapabilities({ credentialTypes: [1] });
  const other = requiredCapabilities({ proposalTypes: [], credentialTypes: [1], extensionTypes: [] });

  async function scene(extensions: readonly Extension[]) {
    const own = await generateSigner(nodeProvider(), SUITE);
    const senders = externalSenders([{ signatureKey: own.publicKey, credential: basicCredential("server") }]);
    const [alice, bob] = [await member("alice"), await member("bob")];
    const a = await alice.client.createGroup({ extensions: [...extensions, senders] });
    const { welcome } = await a.add(await bob.client.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob.client.join(welcome as Uint8Array);
    return { a, b, alice, own, senders };
  }

  it("in a commit keep the rest", async () => {
    const { a, b, senders } = await scene([]);
    const step = async (options: Parameters<Group["commit"]>[0], expected: readonly Extension[]) => {
      const { commit } = await a.commit(options);
      await b.receive(commit);
      await a.mergePendingCommit();
      expect(a.extensions).toEqual(expected);
      expect(b.extensions).toEqual(expected);
    };
    await step({ setExtensions: [required] }, [senders, required]);
    await step({ setExtensions: [other] }, [senders, other]);
    await step({ dropExtensions: [senders.extensionType], setExtensions: [required] }, [required]);
    await step({ setExtensions: [senders], dropExtensions: [required.extensionType] }, [senders]);
    await step({ setExtensions: [], dropExtensions: [] }, [senders]);
    await step({ dropExtensions: [senders.extensionType] }, []);
  });

  it("in a proposal keep the rest, of a member and of an external sender who follows", async () => {
    const { a, b, alice, own, senders } = await scene([required]);
    const proposal = await b.propose({ setExtensions: [other] });
    await everyone([a], proposal, -1);
    await b.receive((await a.commit()).commit);
    await a.mergePendingCommit();
    expect(b.extensions).toEqual([senders, other]);
    const { authentication } = alice.config;
    const follower = await PublicGroup.follow({
      crypto: nodeProvider(),
      authentication,
      groupInfo: await a.groupInfo(),
    });
    const fromServer = await follower.propose(own, { dropExtensions: [other.extensionType] });
    for (const one of [a, b]) await one.receive(fromServer);
    await b.receive((await a.commit()).commit);
    expect(b.extensions).toEqual([senders]);
  });

  it("that contradict each other or the group are refused", async () => {
    const { a, senders } = await scene([]);
    const { extensionType } = senders;
    const wrong: readonly [Parameters<Group["commit"]>[0], string][] = [
      [{ dropExtensions: [required.extensionType] }, "usage"],
      [{ dropExtensions: [extensionType], setExtensions: [senders] }, "usage"],
      [{ extensions: [], setExtensions: [senders] }, "usage"],
      [{ extensions: [], dropExtensions: [extensionType] }, "usage"],
      [{ setExtensions: [required, other] }, "validation"],
      [{ setExtensions: [{ extensionType: 0xff00, extensionData: filled(1) }] }, "validation"],
    ];
    for (const [options, expected] of wrong)
      expect((await refused(a, () => a.commit(options))).code).toBe(expected);
    const drop = { dropExtensions: [required.extensionType] };
    expect((await refused(a, () => a.propose(drop))).code).toBe("usage");
  });
});
