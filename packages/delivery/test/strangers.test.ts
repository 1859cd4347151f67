// RFC 9420 §12.4.3.2: who isn't a member doesn't get in by an external commit, unless the application says so.
import type { Policy } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { joinFromOutside, outlaw } from "./support/outlaw.js";
import {
  agree,
  conversationOf,
  heard,
  isRemoved,
  names,
  problems,
  type Someone,
  together,
  until,
  World,
} from "./support/people.js";

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
  await joinFromOutside(await outlaw("mallory"), world.connect("mallory", "mallory"), a.groupId);
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
