// RFC 9420 §14: what a committer gets back whose commit came second.
import { type CommitMessage, type Extension, type Group, ProposalType } from "@copse/core";
import { gather, party } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";

const [TOPIC, COLOUR] = [0xf001, 0xf002];
const extension = (extensionType: number, value: number): Extension => ({
  extensionType,
  extensionData: new Uint8Array([value]),
});

async function two(): Promise<[Group, Group]> {
  const options = { suite: 1, capabilities: { extensions: [TOPIC, COLOUR] } };
  const { groups } = await gather([await party("alice", options), await party("bob", options)]);
  const [a, b] = groups as [Group, Group];
  const { commit } = await a.commit({ setExtensions: [extension(TOPIC, 0), extension(COLOUR, 0)] });
  await a.mergePendingCommit();
  await b.receive(commit);
  return [a, b];
}

const receive = async (group: Group, commit: Uint8Array) => (await group.receive(commit)) as CommitMessage;

describe("what a commit that came second wanted", () => {
  it("doesn't undo another change of the extensions when it is committed again", async () => {
    const [a, b] = await two();
    const first = await a.commit({ setExtensions: [extension(TOPIC, 1)] });
    await a.mergePendingCommit();
    await b.commit({ setExtensions: [extension(COLOUR, 2)] });
    const { dropped, droppedPending } = await receive(b, first.commit);
    expect([dropped, droppedPending]).toEqual([[], true]);
    const again = await b.commit({ setExtensions: [extension(COLOUR, 2)] });
    expect(again.extensions).toEqual([extension(TOPIC, 1), extension(COLOUR, 2)]);
  });

  it("has the list of extensions if nobody else changed it", async () => {
    const [a, b] = await two();
    const first = await a.update();
    await a.mergePendingCommit();
    await b.commit({ setExtensions: [extension(COLOUR, 2)] });
    const { dropped } = await receive(b, first.commit);
    expect(dropped.map(({ proposalType }) => proposalType)).toEqual([ProposalType.groupContextExtensions]);
    expect((await b.commit({ proposals: dropped })).extensions).toEqual([
      extension(TOPIC, 0),
      extension(COLOUR, 2),
    ]);
  });

  it("hasn't the own Remove, which nobody can commit for oneself", async () => {
    const [a, b] = await two();
    const first = await a.update();
    await a.mergePendingCommit();
    await b.propose({ remove: b.ownLeafIndex });
    const { dropped } = await receive(b, first.commit);
    expect(dropped).toEqual([]);
    await a.receive(await b.propose({ remove: b.ownLeafIndex }));
    expect((await a.commit()).removed).toHaveLength(1);
  });
});
