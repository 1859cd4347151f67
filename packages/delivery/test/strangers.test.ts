// RFC 9420 §12.4.3.2: who isn't a member doesn't get in by an external commit, unless the application says so.
import type { Policy } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
import { newId, outlaw, provider } from "./support/outlaw.js";
import {
  agree,
  conversationOf,
  heard,
  isRemoved,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";

/** Submits an external commit of somebody who has no rules. */
async function barge(service: DeliveryService, name: string, groupId: Uint8Array): Promise<void> {
  const published = await service.groupInfo(groupId);
  if (published === undefined) throw new Error("expected a GroupInfo");
  const { group } = await joinByExternalCommit(await outlaw(name), published.groupInfo);
  const [staged] = group.staged;
  if (staged === undefined) throw new Error("expected a commit");
  const { publicKey } = await epochKey(provider, staged.epoch, staged);
  const answer = await service.submit({
    id: newId(),
    groupId,
    epoch: staged.epoch - 1n,
    after: published.handshake,
    message: staged.commit,
    groupInfo: await staged.groupInfo(),
    welcomes: [],
    nextKey: { epoch: staged.epoch, suite: SUITE, publicKey },
  });
  expect(answer.kind).toBe("accepted");
}

const letIn: Partial<Policy> = { authorize: () => true };

/** Alice and Bob, after they have removed Mallory, and Carol, whom they have added since. */
async function without(policy: Partial<Policy>) {
  const world = new World({ members: "unchecked" });
  const people: Someone[] = [];
  for (const name of ["alice", "bob", "mallory", "carol"]) people.push(await world.person(name, { policy }));
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  const [alice, bob, mallory, carol] = people as [Someone, Someone, Someone, Someone];
  const all = await together([alice, bob, mallory]);
  const [a, b, m] = all as [Conversation, Conversation, Conversation];
  await a.remove(["mallory"]);
  await mallory.until(isRemoved);
  await a.invite(["carol"]);
  const c = await conversationOf(carol, a.id);
  await agree([alice, bob, carol], [a, b, c]);
  return { world, people: [alice, bob, carol], all: [a, b, c], mallory, m };
}

it("refuses a removed member that joins by an external commit, at all members alike", async () => {
  const { world, people, all, mallory } = await without({});
  const [a] = all as [Conversation];
  await expect(mallory.messenger.join(a.id)).rejects.toMatchObject({ code: "refused" });
  const before = a.epoch;
  await barge(world.connect("mallory", "mallory"), "mallory", a.groupId);
  await until(people, () => people.every((one) => problems(one).some((text) => text.startsWith("junk"))));
  await until(people, () => all.every(({ epoch }) => epoch > before));
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, 3);
  await agree(people, all);
  for (const one of all) expect(names(one)).toEqual(["alice", "bob", "carol"]);
  expect(people.flatMap(problems).filter((text) => text.startsWith("rejoined"))).toEqual([]);
});

it("lets one in if the application says so", async () => {
  const { people, all, mallory, m } = await without(letIn);
  const [a] = all as [Conversation];
  const back = await mallory.messenger.join(m.id);
  await agree([...people, mallory], [...all, back]);
  expect(names(a)).toEqual(["alice", "bob", "carol", "mallory"]);
});
