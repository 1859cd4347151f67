// RFC 9420 §12.1.3, §12.4.3.2: who was removed doesn't come back by another branch with another key.
import { type Client, type Group, generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { adopt, stageOn } from "@copse/core/rewind";
import { nodeProvider } from "@copse/provider-node";
import { everyone, party } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { type Four, four, SUITE } from "./branches.js";

const newKey = () => generateSigner(nodeProvider(), SUITE);

/** What happens before Dora is removed, and another commit of the epoch at the fork. */
const WAYS: Record<string, (here: Four) => Promise<Uint8Array>> = {
  "with a key that she changes in the branch": async ({ dora }) =>
    (await dora.update({ signer: await newKey() })).commit,
  "with a key that she changed before she was removed": async ({ groups, ben, dora }) => {
    const other = (await ben.update()).commit;
    const first = await dora.update({ signer: await newKey() });
    await everyone(groups.slice(0, 3), first.commit, 1);
    return other;
  },
  "by an external commit with a key of a new client": async ({ dora }) => {
    const info = await dora.groupInfo();
    const { client } = await party("dora", { suite: SUITE });
    const resync = ({ leafIndex }: { leafIndex: number }) => leafIndex === 3;
    return (await joinByExternalCommit(client as Client, info, { resync })).commit;
  },
};

it.each(Object.entries(WAYS))("a removed member doesn't come back %s", async (_, way) => {
  const here = await four();
  const { ada, cleo } = here;
  const on = ada.epoch;
  const other = await way(here);
  await cleo.receive((await ada.remove(3)).commit);
  const staged = await stageOn(cleo, other, { on });
  await expect(adopt(cleo, staged)).rejects.toMatchObject({
    name: "RemovalsUndone",
    code: "forbidden",
    members: [{ leafIndex: 3 }],
  });
  expect(cleo.members).toHaveLength(3);
  await adopt(cleo, staged, { undoRemovals: true });
  expect(cleo.members).toHaveLength(4);
});

it("another member at the leaf of who was removed in both branches, and other devices of the same user, are no reason", async () => {
  const phone = await party("dora", { suite: SUITE });
  const here = await four();
  const { ada, ben, cleo } = here;
  const on = ada.epoch;
  const eve = await party("eve", { suite: SUITE });
  const add = async (by: Group, keyPackage: Uint8Array) => {
    const { commit } = await by.add(keyPackage);
    await by.mergePendingCommit();
    return commit;
  };
  // Dora's phone is in the group, and stays there.
  const both = await add(ada, await phone.client.createKeyPackage());
  for (const one of [ben, cleo]) await one.receive(both);
  const removal = (await ada.remove(3)).commit;
  const first = (await ben.remove(3)).commit;
  await ben.mergePendingCommit();
  const second = await add(ben, await eve.client.createKeyPackage());
  await cleo.receive(removal);
  const place = await stageOn(cleo, first, { on: on + 1n });
  await adopt(cleo, await stageOn(cleo, second, { on: place }));
  expect(cleo.members.map(({ leafIndex }) => leafIndex)).toEqual([0, 1, 2, 3, 4]);
});
