// RFC 9420 §12.4, §14: changing over to another branch, and what of the one that is left can't come back.
import { type Group, MlsError, toHex } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { adopt, keptCommits, peek, RemovalsUndone, stageOn, stageProposal } from "@copse/core/rewind";
import { text } from "@copse/test-support/bytes";
import { party, reopened, send } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { four, parted, SUITE } from "./branches.js";

const agree = (a: Group, b: Group) => expect(toHex(a.epochAuthenticator)).toBe(toHex(b.epochAuthenticator));
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "no error",
    (error) => (error instanceof MlsError ? error.code : error),
  );

describe("a commit that was merged too early", () => {
  it("is left for another one of its epoch, received or own", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { ada, ben, cleo, dora } = here;
    await cleo.receive(adas.commit);
    const before = toHex(cleo.epochAuthenticator);
    expect(await codeOf(cleo.receive(bens.commit))).toBe("fork");
    expect(toHex(cleo.epochAuthenticator)).toBe(before);
    const other = await stageOn(cleo, bens.commit, { on });
    expect(other.committer.leafIndex).toBe(1);
    expect(other.membersBefore).toHaveLength(4);
    expect(other.epochAuthenticator).toEqual(ben.epochAuthenticator);
    expect(toHex(cleo.epochAuthenticator)).toBe(before);
    const { epoch, active, entered, left } = await adopt(cleo, other);
    expect({ epoch, active }).toEqual({ epoch: on + 1n, active: true });
    expect(entered.map(({ committer }) => committer.leafIndex)).toEqual([1]);
    expect(left.map(({ commit }) => commit.committer.leafIndex)).toEqual([0]);
    expect(left[0]?.message).toEqual(adas.commit);
    agree(cleo, ben);
    // Who made the commit that lost.
    await adopt(ada, await stageOn(ada, bens.commit, { on }));
    await dora.receive(bens.commit);
    await send(ben, [ada, cleo, dora], "all together");
    await send(ada, [ben, cleo, dora], "once more");
    // And back again, to the own one.
    const own = keptCommits(ada).find(
      ({ commit }) => commit.own && !commit.external && commit.epoch === on + 1n,
    );
    await adopt(ada, own?.commit as never);
    expect(toHex(ada.epochAuthenticator)).toBe(before);
  });

  it("is left for a longer branch, whose inner epochs stay readable", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { ada, ben, cleo, dora } = here;
    const messages = [await ben.encrypt("first")];
    const commits = [bens.commit];
    for (const word of ["second", "third"]) {
      const { commit } = await ben.update();
      await ben.mergePendingCommit();
      commits.push(commit);
      messages.push(await ben.encrypt(word));
    }
    await cleo.receive(adas.commit);
    await send(ada, [cleo], "of the branch that is left");
    let place: Parameters<typeof stageOn>[2]["on"] = on;
    for (const commit of commits) place = await stageOn(cleo, commit, { on: place });
    expect(keptCommits(cleo).filter(({ inForce }) => !inForce)).toHaveLength(3);
    expect(await peek(cleo, place as never, messages[0] as Uint8Array)).toMatchObject({
      kind: "application",
    });
    const { entered, left } = await adopt(cleo, place as never);
    expect(entered.map(({ epoch }) => epoch)).toEqual([on + 1n, on + 2n, on + 3n]);
    expect(left[0]?.delivered).toMatchObject([
      { sender: { leafIndex: 0 }, own: false, kind: "application", count: 1, generations: [[0, 0]] },
    ]);
    agree(cleo, ben);
    for (const message of messages) {
      expect(await cleo.receive(message)).toMatchObject({ kind: "application" });
      expect(await codeOf(cleo.receive(message))).toBe("duplicate");
    }
    void dora;
  });

  it("is left with proposals that came after it, for a commit that refers to them", async () => {
    const { ada, ben, cleo, dora } = await four();
    const on = ada.epoch;
    const { commit } = await ada.update();
    await cleo.receive(commit);
    const proposal = await dora.propose({ update: true });
    await ben.receive(proposal);
    const bens = await ben.commit();
    await bens.merge();
    expect(await codeOf(stageOn(cleo, bens.commit, { on }))).toBe("proposal-missing");
    expect(await stageProposal(cleo, proposal, { on })).toMatchObject({ kind: "proposal" });
    expect(await codeOf(cleo.receive(proposal))).toBe("past-epoch");
    await adopt(cleo, await stageOn(cleo, bens.commit, { on }));
    agree(cleo, ben);
    await dora.receive(bens.commit);
    agree(dora, ben);
    await send(dora, [ben, cleo], "with the new key");
  });

  it("is left for an external commit, and a ReInit is undone", async () => {
    const { ada, ben, cleo } = await four();
    const on = ada.epoch;
    const eve = await party("eve", { suite: SUITE });
    const { commit, group } = await joinByExternalCommit(eve.client, await ada.groupInfo());
    await group.mergePendingCommit();
    const reinit = await ben.commit({
      reinit: { groupId: new Uint8Array(8), cipherSuite: 1, extensions: [] },
    });
    await cleo.receive(reinit.commit);
    expect(cleo.active).toBe(false);
    await adopt(cleo, await stageOn(cleo, commit, { on }));
    expect(cleo.active).toBe(true);
    agree(cleo, group);
    await send(cleo, [group], "still here");
  });
});

describe("what was used stays used", () => {
  it.each(["at once", "saved and restored at each step"])("there and back again, %s", async (when) => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { ada, ben, dora, parties } = here;
    let { cleo } = here;
    const again = async () => {
      if (when !== "at once") cleo = await reopened(parties[2]?.client as never, cleo);
    };
    await cleo.receive(adas.commit);
    await dora.receive(adas.commit);
    const [read, unread] = [await ada.encrypt("read"), await ada.encrypt("unread")];
    await cleo.receive(read);
    const sent: Uint8Array[] = [await cleo.encrypt("zero"), await cleo.encrypt("one")];
    await again();
    await adopt(cleo, await stageOn(cleo, bens.commit, { on }));
    await again();
    const left = () =>
      keptCommits(cleo).find(({ commit }) => toHex(commit.commit) === toHex(adas.commit))?.commit;
    for (let i = 0; i < 2; i++) {
      expect(await codeOf(peek(cleo, left() as never, read))).toBe("duplicate");
      const received = await peek(cleo, left() as never, unread);
      expect(received.kind === "application" && text(received.data)).toBe("unread");
    }
    expect(await codeOf(cleo.receive(unread))).toBe("crypto");
    await send(cleo, [ben], "in the other branch");
    const report = await adopt(cleo, left() as never);
    expect(report.left[0]?.delivered).toMatchObject([{ own: true, count: 1, generations: [[0, 0]] }]);
    await again();
    expect(await codeOf(cleo.receive(read))).toBe("duplicate");
    expect(await cleo.receive(unread)).toMatchObject({ kind: "application" });
    expect(await codeOf(cleo.receive(unread))).toBe("duplicate");
    sent.push(await cleo.encrypt("two"));
    // Each by another generation: Dora reads all.
    for (const message of sent) expect(await dora.receive(message)).toMatchObject({ kind: "application" });
    await again();
    await adopt(
      cleo,
      keptCommits(cleo).find(
        ({ commit }) => !commit.own && commit.committer.leafIndex === 1 && commit.epoch === on + 1n,
      )?.commit as never,
    );
    agree(cleo, ben);
    await send(cleo, [ben], "by the next generation");
  });

  it("a commit can't be staged twice, nor adopted when it is in force", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { cleo } = here;
    await cleo.receive(adas.commit);
    expect(await codeOf(stageOn(cleo, adas.commit, { on }))).toBe("duplicate");
    const [present] = keptCommits(cleo).filter(({ commit }) => commit.epoch === on + 1n);
    expect(await codeOf(adopt(cleo, present?.commit as never))).toBe("duplicate");
    const other = await stageOn(cleo, bens.commit, { on });
    expect(await stageOn(cleo, bens.commit, { on })).toBe(other);
  });

  it("an epoch that another one followed isn't the last of its branch", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { ada, cleo } = here;
    await cleo.receive(adas.commit);
    const { commit } = await ada.update();
    await cleo.receive(commit);
    await adopt(cleo, await stageOn(cleo, bens.commit, { on }));
    const byBytes = (bytes: Uint8Array) =>
      keptCommits(cleo).find((one) => toHex(one.commit.commit) === toHex(bytes))?.commit as never;
    expect(await codeOf(adopt(cleo, byBytes(adas.commit)))).toBe("usage");
    await adopt(cleo, byBytes(commit));
    await ada.mergePendingCommit();
    agree(cleo, ada);
  });
});

describe("a removal", () => {
  it("isn't undone without the application's yes, and the error says whom it would bring back", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here, { remove: [3] });
    const { ben, cleo } = here;
    await cleo.receive(adas.commit);
    const other = await stageOn(cleo, bens.commit, { on });
    const error = await adopt(cleo, other).catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(RemovalsUndone);
    expect(error).toMatchObject({ code: "forbidden", members: [{ leafIndex: 3 }] });
    expect((error as Error).message).toContain("leaf 3");
    expect(cleo.members).toHaveLength(3);
    await adopt(cleo, other, { undoRemovals: true });
    agree(cleo, ben);
    // The other way, nobody comes back.
    const back = keptCommits(cleo).find(
      ({ commit }) => commit.removed.length > 0 && commit.epoch === on + 1n,
    );
    expect((await adopt(cleo, back?.commit as never)).left).toHaveLength(1);
    expect(cleo.members).toHaveLength(3);
  });

  it("that both branches have needs none", async () => {
    const { ada, ben, cleo } = await four();
    const on = ada.epoch;
    const [adas, bens] = [await ada.remove(3), await ben.remove(3)];
    await cleo.receive(adas.commit);
    await adopt(cleo, await stageOn(cleo, bens.commit, { on }));
    expect(cleo.members).toHaveLength(3);
  });

  it.each(["at once", "after a restore"])(
    "of this client itself can be left, and entered again, %s",
    async (when) => {
      const here = await four();
      const { on, adas, bens } = await parted(here, { remove: [3] });
      const { ben, parties } = here;
      let { dora } = here;
      expect(await dora.receive(adas.commit)).toMatchObject({ active: false });
      if (when !== "at once") dora = await reopened(parties[3]?.client as never, dora);
      expect(await codeOf(dora.encrypt("I'm out"))).toBe("removed");
      expect(() => dora.epochAuthenticator).toThrow();
      const other = await stageOn(dora, bens.commit, { on });
      expect(await codeOf(adopt(dora, other))).toBe("forbidden");
      expect(await adopt(dora, other, { undoRemovals: true })).toMatchObject({
        active: true,
        epoch: on + 1n,
      });
      agree(dora, ben);
      await send(dora, [ben], "I'm back");
      const removal = keptCommits(dora).find(({ commit }) => commit.removed.length > 0)?.commit;
      expect(removal?.epochAuthenticator).toBeUndefined();
      expect(await codeOf(peek(dora, removal as never, await ben.encrypt("x")))).toBe("removed");
      expect(await adopt(dora, removal as never)).toMatchObject({ active: false });
      expect(await codeOf(dora.encrypt("out again"))).toBe("removed");
    },
  );
});
