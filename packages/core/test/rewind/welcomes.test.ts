// RFC 9420 §12.4.3.1: an epoch that was left and entered again has no second Welcome by the same key.
import { adopt, keepEpochs, keptCommits, settle, stageOn } from "@copse/core/rewind";
import { party, reopened } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { four, SUITE } from "./branches.js";

it("a commit that adds has a path where another one was staged before, though that is forgotten", async () => {
  const here = await four({ policy: { rewind: keepEpochs({ epochs: 32, age: 3600 }) } });
  const { ada, ben, parties } = here;
  let { cleo } = here;
  const on = cleo.epoch;
  const [adas, bens] = [await ada.update(), await ben.update()];
  await cleo.receive(adas.commit);
  const keyPackage = await (await party("eve", { suite: SUITE })).client.createKeyPackage();
  const first = await cleo.add(keyPackage);
  expect(first.path).toBe(false);
  await first.discard();
  await adopt(cleo, await stageOn(cleo, bens.commit, { on }));
  for (let epoch = 0; epoch < 6; epoch++) {
    for (let i = 0; i < 15; i++) await cleo.update({ replacePending: true });
    await cleo.mergePendingCommit();
  }
  const back = keptCommits(cleo).find(
    ({ commit }) =>
      !commit.own && !commit.external && commit.committer.leafIndex === 0 && commit.epoch === on + 1n,
  );
  await adopt(cleo, back?.commit as never);
  expect(cleo.staged).toEqual([]);
  cleo = await reopened(parties[2]?.client as never, cleo);
  await settle(cleo);
  cleo = await reopened(parties[2]?.client as never, cleo);
  expect((await cleo.add(keyPackage)).path).toBe(true);
});
