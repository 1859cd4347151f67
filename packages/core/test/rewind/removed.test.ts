// RFC 9420 §9.2, §12.1.3: a client that was removed, and keeps the epochs before, still has that group.
import { adopt, keepEpochs, keptCommits, settle, stageOn } from "@copse/core/rewind";
import { gather, party, send } from "@copse/test-support/clients";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { four, parted, SUITE } from "./branches.js";

async function removed() {
  const here = await four();
  const { on, adas, bens } = await parted(here, { remove: [3] });
  await here.dora.receive(adas.commit);
  const other = await stageOn(here.dora, bens.commit, { on });
  return { ...here, adas, other, client: here.parties[3]?.client as Client };
}
type Client = Awaited<ReturnType<typeof party>>["client"];

it("isn't restored beside the group that removed it, also after it has joined again", async () => {
  const { ada, dora, client } = await removed();
  const saved = await dora.save();
  await expect(client.restore(saved)).rejects.toMatchObject({ code: "group-exists" });
  const { welcome } = await ada.add(await client.createKeyPackage());
  await ada.mergePendingCommit();
  const again = await client.join(welcome as Uint8Array);
  await send(ada, [again], "welcome back");
  await again.close();
  await expect(client.restore(saved)).rejects.toMatchObject({ code: "group-exists" });
  await dora.close();
  const restored = await client.restore(saved);
  // One that was restored, and then joined anew, counts as well.
  await (await ada.remove(3)).merge();
  const next = await ada.add(await client.createKeyPackage());
  await next.merge();
  await (await client.join(next.welcome as Uint8Array)).close();
  await expect(client.restore(saved)).rejects.toMatchObject({ code: "group-exists" });
  const { commit } = keptCommits(restored).find(({ inForce }) => !inForce) ?? {};
  expect(await adopt(restored, commit as never, { undoRemovals: true })).toMatchObject({ active: true });
});

it("isn't in the way any more when it is settled", async () => {
  const { dora, client } = await removed();
  const saved = await dora.save();
  await settle(dora);
  expect((await client.restore(saved)).active).toBe(false);
});

it("needs the key of its key package for as long as the epochs before", async () => {
  const { crypto, live } = watched();
  const policy = { rewind: keepEpochs({ epochs: 3, age: 3600 }) };
  const dora = await party("dora", { suite: SUITE, crypto, policy, extensions: [lastResort] });
  const keyPackage = await dora.client.createKeyPackage(MARKED);
  const parties = [
    await party("ada", { suite: SUITE, policy }),
    await party("ben", { suite: SUITE, policy }),
  ];
  const { groups } = await gather(parties);
  const [ada, ben] = groups as [(typeof groups)[0] & object, (typeof groups)[0] & object];
  const added = await ada.add(keyPackage);
  await added.merge();
  await ben.receive(added.commit);
  const group = await dora.client.join(added.welcome as Uint8Array);
  const on = ada.epoch;
  const [removal, other] = [await ada.remove(2), await ben.update()];
  await group.receive(removal.commit);
  const [one] = dora.client.keyPackages();
  await dora.client.deleteKeyPackage(one?.reference as Uint8Array);
  const staged = await stageOn(group, other.commit, { on });
  await adopt(group, staged, { undoRemovals: true });
  await other.merge();
  await send(group, [ben], "I'm back");
  await settle(group);
  await group.close();
  expect(live.size).toBe(0);
});
