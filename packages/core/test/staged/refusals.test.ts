// RFC 9420 §6, §12.4.2: a commit is staged only if it would be in force as it is, and what can't be staged changes nothing.
import type { Group, StagedCommit } from "@copse/core";
import { flipped } from "@copse/test-support/bytes";
import { copyOf, everyone, four, gather, type Party, pair, party, send } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { forge, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const MODES = ["private", "public"] as const;

async function scene(handshake: "private" | "public" = "private") {
  const meeting = await four(SUITE, { policy: { handshake } });
  const [alice, bob] = meeting.groups as [Group, Group];
  return { ...meeting, alice, bob };
}

describe.each(MODES)("with one byte changed, with %s handshakes,", (handshake) => {
  it("a commit isn't staged, and then it is as it was sent", async () => {
    const { alice, bob } = await scene(handshake);
    const { commit } = await bob.remove(3);
    const saved = await alice.save();
    for (let at = 0; at < commit.length; at++)
      await refused(alice, () => alice.stage(flipped(commit, at, at % 8)), saved);
    expect(alice.staged).toEqual([]);
    await (await alice.stage(commit)).merge();
    await bob.mergePendingCommit();
    await send(alice, [bob], "agreed");
  });

  it("a staged commit isn't found, nor merged", async () => {
    const { alice, bob } = await scene(handshake);
    const own = await alice.update();
    const staged = await alice.stage((await bob.update()).commit);
    const saved = await alice.save();
    for (const { commit } of [own, staged])
      for (let at = 0; at < commit.length; at += 7)
        await refused(alice, () => alice.receive(flipped(commit, at, at % 8)), saved);
    expect(alice.staged).toEqual([own, staged]);
  });
});

it("a commit with another confirmation tag isn't staged, though its committer signed it", async () => {
  const { alice, bob, parties } = await scene("public");
  const forged = await forge(await insider(parties[1] as Party, bob), {
    confirmationTag: new Uint8Array(32),
  });
  const error = await refused(alice, () => alice.stage(forged));
  expect(saying(error)).toMatch(/^12\.4\.2: the confirmation tag/);
  expect(alice.staged).toEqual([]);
});

describe("what isn't a commit of the present epoch", () => {
  it("is refused as what it is, and changes nothing", async () => {
    const { alice, bob, groups } = await scene();
    const stranger = await pair({ suite: SUITE });
    const eve = await party("eve", { suite: SUITE });
    const ahead = await bob.update();
    const proposal = await bob.propose({ update: true });
    const { welcome } = await stranger.a.add(await eve.client.createKeyPackage());
    const cases: readonly (readonly [message: Uint8Array, code: string])[] = [
      [proposal, "usage"],
      [await (groups[2] as Group).encrypt("hello"), "usage"],
      [welcome as Uint8Array, "usage"],
      [await alice.groupInfo(), "usage"],
      [(await stranger.b.update()).commit, "wrong-group"],
      [new Uint8Array(3), "decode"],
    ];
    for (const [message, code] of cases)
      expect((await refused(alice, () => alice.stage(message))).code).toBe(code);
    // They were left for receive().
    expect(await alice.receive(proposal)).toMatchObject({ kind: "proposal" });
    await ahead.merge();
    const next = await bob.update();
    expect(await refused(alice, () => alice.stage(next.commit))).toMatchObject({
      code: "future-epoch",
      epoch: 4n,
    });
    await alice.receive(ahead.commit);
    expect((await alice.stage(next.commit)).epoch).toBe(bob.epoch + 1n);
  });

  it.each(MODES)("is told from what is in force already, with %s handshakes", async (handshake) => {
    const { alice, bob, groups } = await scene(handshake);
    const late = await (groups[2] as Group).update();
    const taken = await bob.update();
    await (await alice.stage(taken.commit)).merge();
    await taken.merge();
    expect((await refused(alice, () => alice.stage(taken.commit))).code).toBe("duplicate");
    expect((await refused(bob, () => bob.stage(taken.commit))).code).toBe("duplicate");
    expect((await refused(alice, () => alice.stage(late.commit))).code).toBe("fork");
  });

  it.each(MODES)(
    "is told from an own one that this client doesn't know, with %s handshakes",
    async (handshake) => {
      const { alice, parties } = await scene(handshake);
      const twin = await copyOf(parties[0] as Party, alice);
      const { commit } = await twin.update();
      const error = await refused(alice, () => alice.stage(commit));
      expect(error).toMatchObject({ code: "own-message", alone: true, sender: alice.ownLeafIndex });
    },
  );
});

describe("a bounded number of commits is kept", () => {
  it("and none is staged beyond it, before one is discarded", async () => {
    const { alice, bob, groups } = await scene();
    const own = await alice.update();
    const staged: StagedCommit[] = [];
    for (let i = 0; i < 15; i++) {
      const by = groups[1 + (i % 3)] as Group;
      staged.push(await alice.stage((await by.update({ replacePending: true })).commit));
    }
    const more = await bob.update({ replacePending: true });
    expect((await refused(alice, () => alice.stage(more.commit))).code).toBe("limit");
    // Cheaply: an unreadable message isn't told from a good one.
    expect((await refused(alice, () => alice.stage(new Uint8Array(9)))).code).toBe("limit");
    // One that is staged already takes no room.
    expect(await alice.stage(staged[7]?.commit as Uint8Array)).toBe(staged[7]);
    await staged[7]?.discard();
    await staged[3]?.discard();
    const seen = await alice.stage(more.commit);
    expect(alice.staged).toHaveLength(15);
    // The oldest of the two was forgotten. It can be staged again, in the place of the other one.
    const [old, kept] = [staged[3], staged[7]] as [StagedCommit, StagedCommit];
    for (const call of [() => old.merge(), () => old.discard(), () => old.groupInfo()])
      expect((await failure(call)).code).toBe("missing");
    expect(() => old.epochAuthenticator).toThrow(/forgotten/);
    expect(old.added).toEqual([]);
    expect(kept.epochAuthenticator).toHaveLength(32);
    const again = await alice.stage(old.commit);
    expect((await failure(kept.merge())).code).toBe("missing");
    expect(alice.staged).toEqual([own, ...staged.filter((one) => one !== old && one !== kept), seen, again]);
    expect(await again.merge()).toMatchObject({ droppedPending: true });
  });

  it("and an own one that was discarded is forgotten after all that were received", async () => {
    const { alice, bob } = await scene();
    const own = await alice.update();
    await own.discard();
    for (let i = 0; i < 20; i++) {
      const staged = await alice.stage((await bob.update({ replacePending: true })).commit);
      await staged.discard();
    }
    await bob.receive(own.commit);
    expect(await alice.receive(own.commit)).toMatchObject({ own: true });
    expect(alice.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });

  it("for own ones too, of which a new one may take the place of the last", async () => {
    const { alice, groups } = await scene();
    for (let i = 0; i < 15; i++)
      await alice.stage((await (groups[1 + (i % 3)] as Group).update({ replacePending: true })).commit);
    const first = await alice.update();
    const second = await alice.update({ replacePending: true });
    expect((await failure(first.merge())).code).toBe("missing");
    await second.discard();
    const third = await alice.update();
    expect(alice.staged.at(-1)).toBe(third);
    expect((await failure(alice.update())).code).toBe("pending");
    const more = await (groups[1] as Group).update({ replacePending: true });
    expect((await failure(alice.stage(more.commit))).code).toBe("limit");
    expect(alice.staged).toHaveLength(16);
  });
});

describe("the application", () => {
  it("is asked when a commit is staged, and not again when it is merged", async () => {
    let verdict: boolean | Error = true;
    let asked = 0;
    const authorize = () => {
      asked++;
      if (verdict instanceof Error) throw verdict;
      return verdict;
    };
    const { groups } = await gather([
      await party("alice", { suite: SUITE, policy: { authorize } }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    const { commit } = await bob.update();
    verdict = false;
    expect((await refused(alice, () => alice.stage(commit))).code).toBe("forbidden");
    verdict = new Error("the roles can't be read now");
    expect((await refused(alice, () => alice.stage(commit))).code).toBe("try-again");
    verdict = true;
    const staged = await alice.stage(commit);
    asked = 0;
    verdict = false;
    await staged.discard();
    await alice.stage(commit);
    expect(await alice.receive(commit)).toMatchObject({ kind: "commit" });
    expect(asked).toBe(0);
  });
});

it("a closed group's staged commits are closed with it", async () => {
  const { alice, bob } = await scene();
  const own = await alice.update();
  const staged = await alice.stage((await bob.update()).commit);
  const merging = staged.merge();
  await alice.close();
  expect((await failure(merging)).code).toBe("closed");
  for (const one of [own, staged]) {
    for (const call of [() => one.merge(), () => one.discard(), () => one.groupInfo()])
      expect((await failure(call)).code).toBe("closed");
    expect((await failure(one.exportSecret("x", new Uint8Array(), 8))).code).toBe("closed");
    expect(() => one.epochAuthenticator).toThrow(/closed/);
    expect(one.membersAfter).toHaveLength(4);
  }
  expect((await failure(alice.stage(staged.commit))).code).toBe("closed");
  expect(alice.staged).toEqual([]);
});

it("a length that no secret has is refused, for the next epoch too", async () => {
  const { alice } = await scene();
  const staged = await alice.update();
  for (const length of [-1, 1.5, 65_536])
    expect((await failure(staged.exportSecret("x", new Uint8Array(), length))).code).toBe("usage");
});

it("late messages of the epoch before are read after a staged commit was merged", async () => {
  const { alice, bob, groups } = await scene();
  const late = await bob.encrypt("late");
  const staged = await alice.stage((await bob.update()).commit);
  await staged.merge();
  expect(await alice.receive(late)).toMatchObject({ kind: "application", epoch: 3n });
  expect((await failure(alice.receive(late))).code).toBe("duplicate");
  await bob.mergePendingCommit();
  await everyone(groups.slice(0, 2), await bob.encrypt("now"), 1);
});
