// RFC 9750 §5: a member that has refused a commit which the others took, and that the service lets read no more, on a bad line.
import { generateSigner } from "@copse/core";
import { type Conversation, DeliveryError } from "@copse/delivery";
import { expect, it } from "vitest";
import { spoilt, submitJunk } from "./support/mallory.js";
import {
  agree,
  conversationOf,
  crypto,
  heard,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";
import { changed } from "./support/unreliable.js";

type Five<T> = [T, T, T, T, T];

/** Alice, Mallory, Carol, Dave and Bob in one group, and who else there is. */
async function five(world: World, ...others: readonly string[]) {
  const signer = await generateSigner(crypto, SUITE);
  const alice = await world.person("alice");
  const mallory = await world.person("mallory", { signer });
  const [carol, dave, bob, ...more] = await world.people("carol", "dave", "bob", ...others);
  await Promise.all([alice, mallory].map(({ messenger }) => messenger.settled()));
  const people = [alice, mallory, carol, dave, bob] as Five<Someone>;
  const all = (await together(people)) as Five<Conversation>;
  await agree(people, all);
  /** A commit that Carol and Dave can't take: they are under the second node of its path. */
  const spoil = async () => {
    await submitJunk(world.connect("mallory", signer.publicKey), all[1], signer, {
      path: spoilt(1),
      isConfirmed: true,
      beside: "nothing",
    });
    await until([people[2]], () => problems(people[2]).some((text) => text.startsWith("junk")));
  };
  return { people, all, more, spoil };
}

it("joins again, however often the service can't be reached in between", async () => {
  let isAway = true;
  let calls = 0;
  const reach = () => {
    calls++;
    if (isAway || calls % 3 > 0) throw new DeliveryError("unavailable", "the line is bad");
  };
  let isCut = false;
  const world = new World({
    grace: 1,
    wrap: (service, name) =>
      name !== "carol"
        ? service
        : changed(service, {
            groupInfo: async (...args) => {
              if (isCut) reach();
              return service.groupInfo(...args);
            },
            subscribe: (...args) => {
              if (isCut) reach();
              return service.subscribe(...args);
            },
          }),
  });
  const { people, all, spoil } = await five(world);
  const [alice, , carol, , bob] = people;
  const [a, , c, , b] = all;
  const { epoch } = a;
  isCut = true;
  await spoil();
  const waiting = await c.send("from where nobody is");
  for (const one of [a, b, a, b]) {
    const before = one.epoch;
    await one.update();
    await until([alice, bob], () => a.epoch === b.epoch && a.epoch > before);
  }
  expect(c.epoch).toBe(epoch);
  isAway = false;
  await waiting.sent;
  expect(await heard(alice, a, 1)).toEqual(["carol: from where nobody is"]);
  expect(problems(carol).join()).toContain("has joined the group again");
});

it("joins again although those whom it knew say nothing any more: they vouched for who came after them", async () => {
  let [isCut, isRaced] = [false, false];
  const race: { run?: () => Promise<void> } = {};
  const world = new World({
    members: "unchecked",
    wrap: (service, name) =>
      name !== "carol"
        ? service
        : changed(service, {
            groupInfo: async (...args) => {
              if (isCut) throw new DeliveryError("unavailable", "the line is bad");
              return service.groupInfo(...args);
            },
            submit: async (handshake, options) => {
              if (!isRaced && race.run !== undefined) {
                isRaced = true;
                await race.run();
              }
              return service.submit(handshake, options);
            },
          }),
  });
  const { people, all, more, spoil } = await five(world, "erin");
  const [alice, , , dave] = people;
  const [a, , c] = all;
  const [erin] = more as [Someone];
  await dave.messenger.close();
  isCut = true;
  await spoil();
  await a.invite(["erin"]);
  const e = await conversationOf(erin, a.id);
  await until([erin, alice], () => e.state === "active" && e.epoch === a.epoch);
  // Whom Carol knows commits no more. When she joins again, Erin is faster.
  race.run = async () => {
    const before = e.epoch;
    await e.update();
    await until([erin, alice], () => e.epoch === a.epoch && e.epoch > before);
    await erin.messenger.settled();
  };
  const waiting = await c.send("here");
  isCut = false;
  await waiting.sent;
  expect(isRaced).toBe(true);
  expect(await heard(alice, a, 1)).toEqual(["carol: here"]);
});

it("is given up in a quiet group, too, and isn't asked for again and again", async () => {
  let [isCut, isRefused, reads] = [false, false, 0];
  const line = () => {
    if (isCut) throw new DeliveryError("unavailable", "the line is bad");
  };
  const world = new World({
    grace: 1,
    wrap: (service, name) =>
      name === "mallory"
        ? service
        : changed(service, {
            groupInfo: async (...args) => {
              line();
              return service.groupInfo(...args);
            },
            submit: async (...args) => {
              line();
              return service.submit(...args);
            },
            subscribe: (...args) => {
              if (isRefused && name === "carol") reads++;
              return service.subscribe(...args);
            },
          }),
  });
  const { people, all, spoil } = await five(world);
  const [, mallory, carol] = people;
  isCut = true;
  await spoil();
  // Nothing follows the commit that she refused.
  await mallory.messenger.close();
  isRefused = true;
  await until([carol], () => all[2].state === "joining");
  expect(reads).toBeLessThan(20);
});
