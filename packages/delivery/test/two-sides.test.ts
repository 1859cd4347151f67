// RFC 9420 §14: two sides of a group, each of which refuses the other's commits, and answers them with commits of its own.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { spoilt, submitJunk } from "./support/mallory.js";
import { turned } from "./support/outlaw.js";
import {
  agree,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";

type Three<T> = [T, T, T];

it("find together again when one has lost sight of the others, though both commit by turns", async () => {
  // She learns only later where the others are, and can't tell them where she is.
  let isCut = true;
  const world = new World({
    wrap: (service, name) =>
      turned(service, {
        publishGroupInfo: async (...args) =>
          name === "carol" && isCut ? false : service.publishGroupInfo(...args),
        groupInfo: async (groupId, options) => {
          const found = await service.groupInfo(groupId, options);
          return found && name === "carol" && isCut ? { ...found, groupInfo: new Uint8Array(9) } : found;
        },
      }),
  });
  const signer = await generateSigner(crypto, SUITE);
  const people = (await world.people("alice", "bob", "carol")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  const m = all.pop() as Conversation;
  const [a, , c] = all as Three<Conversation>;
  const service = world.connect("mallory", signer.publicKey);
  await submitJunk(service, m, signer, { path: spoilt(0), isConfirmed: true, beside: "nothing" });
  await mallory.messenger.close();
  const [, , carol] = people;
  // She has committed by herself for so long that the commit that she refused isn't the latest thing any more.
  const { epoch } = c;
  await until([carol], () => c.epoch >= epoch + 4n);
  isCut = false;
  await agree(people, all);
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, 3);
  expect(names(a)).toEqual(["alice", "bob", "carol", "mallory"]);
  expect(problems(carol).join()).toContain("has joined the group again");
});
