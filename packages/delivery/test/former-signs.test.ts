// RFC 9750 §7: who was removed signs no GroupInfo that is followed, by those who have read of it, though others may be elsewhere.
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { disturb, withMallory } from "./support/insider.js";
import { isBack, NEVER } from "./support/led.js";
import { Schemer } from "./support/outlaw.js";
import { agree, names, type Someone } from "./support/people.js";

it("who was removed for a handshake that all refused leads nobody to a group of its own", async () => {
  const insider = await withMallory(["alice", "bob", "carol"], { engine: { ...NEVER, longestWait: 100 } });
  const { people, all, service, copy } = insider;
  const [alice, bob, carol] = people as [Someone, Someone, Someone];
  const [a, , c] = all as [Conversation, Conversation, Conversation];
  await disturb(people, insider);
  await a.remove(["mallory"]);
  await agree(people, all);
  for (const { messenger } of people) await messenger.settled();
  for (const { messenger } of [alice, bob]) await messenger.close();
  await (await Schemer.at(service, copy)).fork(3);
  const why = "expected the signature of somebody who was a member before";
  await carol.until((one) => one.kind === "problem" && one.problem.message.includes(why));
  await (await c.send("for Alice and Bob")).sent;
  expect(isBack(carol)).toBe(false);
  expect(names(c)).toEqual(["alice", "bob", "carol"]);
});
