// A storage that fails now and then, before a write or after it: nobody knows what it has, until it is read again.
import { memoryStorage } from "@copse/core/storage";
import { expect, it } from "vitest";
import { flaky } from "./support/cut-storage.js";
import { agree, conversationOf, type Someone, said, together, until, World } from "./support/people.js";
import { randomFrom } from "./support/unreliable.js";

it.each([1, 2, 3])("goes on as the storage has it (seed %i)", async (seed) => {
  const world = new World();
  const random = randomFrom(seed);
  const line = { fails: 0 };
  const open = (name: string) => world.person(name, { storage: flaky(memoryStorage(), line, random) });
  const [alice, bob] = [await open("alice"), await open("bob")];
  await Promise.all([alice, bob].map(({ messenger }) => messenger.settled()));
  const [a, b] = (await together([alice, bob])) as [C, C];
  line.fails = 0.15;
  const promised: string[] = [];
  const speak = async (one: C, name: string) => {
    for (let i = 0; i < 10; i++) {
      const isSafe = await one.send(`${name} ${i}`).then(
        () => true,
        () => false,
      );
      if (isSafe) promised.push(`${name} ${i}`);
      if (i % 3 === 0) await one.update().catch(() => undefined);
    }
  };
  await Promise.all([speak(a, "alice"), speak(b, "bob")]);
  line.fails = 0;
  await Promise.all([alice, bob].map(({ messenger }) => messenger.settled()));
  await agree([alice, bob], [a, b]);
  await (await a.send("the end")).sent;
  const has = (who: Someone) =>
    who.events.some((one) => one.kind === "message" && one.entry.text === "the end");
  await until([alice, bob], () => has(alice) && has(bob));
  const log = await said(a);
  expect(await said(b)).toEqual(log);
  expect(new Set(log).size).toBe(log.length);
  for (const one of promised) expect(log).toContain(`${one.split(" ")[0]}: ${one}`);
  expect(promised.length).toBeGreaterThan(9);
  expect(await conversationOf(bob, a.id)).toBe(b);
});

it.each([4, 5, 6])("joins once, though the storage fails (seed %i)", async (seed) => {
  const world = new World();
  const line = { fails: 0 };
  const storage = flaky(memoryStorage(), line, randomFrom(seed));
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { storage });
  await bob.messenger.settled();
  line.fails = 0.4;
  const all = await Promise.all([1, 2, 3].map(() => alice.messenger.start(["bob"])));
  const isIn = () => bob.messenger.conversations.length + bob.messenger.invitations.length === 3;
  await until([bob], isIn);
  line.fails = 0;
  // What the application is told failed is there to be tried again.
  for (const one of bob.messenger.invitations) await one.accept().catch(() => undefined);
  await until([bob], () => bob.messenger.conversations.length === 3);
  for (const one of all) await agree([alice, bob], [one, await conversationOf(bob, one.id)]);
  const again = await bob.reopen();
  expect(again.messenger.conversations).toHaveLength(3);
  expect(again.messenger.invitations).toEqual([]);
});

it("keeps no more in the outbox than its limit after the storage has failed", async () => {
  const world = new World({ engine: { outboxBytes: 100 } });
  const line = { fails: 0 };
  const [bob] = (await world.people("bob")) as [Someone];
  const alice = await world.person("alice", { storage: flaky(memoryStorage(), line, () => 0) });
  await alice.messenger.settled();
  const [a] = (await together([alice, bob])) as [C];
  world.delivery.pause();
  await until([alice], () => a.state === "catching-up");
  const send = () => a.send(new Uint8Array(40));
  line.fails = 1;
  await expect(send()).rejects.toMatchObject({ code: "storage" });
  line.fails = 0;
  for (let i = 0; i < 2; i++) await send();
  await expect(send()).rejects.toMatchObject({ code: "limit" });
  expect(a.outbox()).toHaveLength(2);
});

type C = Awaited<ReturnType<typeof together>>[number];
