// A storage that fails now and then, before a write or after it: nobody knows what it has, until it is read again.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { flaky } from "./support/cut-storage.js";
import {
  agree,
  conversationOf,
  problems,
  type Someone,
  said,
  together,
  until,
  World,
} from "./support/people.js";
import { changed, randomFrom } from "./support/unreliable.js";

it.each([
  [1, 0.15, 0],
  [2, 0.15, 0],
  [3, 0.1, 0.1],
  [4, 0.1, 0.1],
])(
  "goes on as the storage has it (seed %i: %d of writes fail, and %d of reads)",
  async (seed, fails, reads) => {
    const world = new World();
    const random = randomFrom(seed);
    const line = { fails: 0, reads: 0 };
    const open = (name: string) => world.person(name, { storage: flaky(memoryStorage(), line, random) });
    const [alice, bob] = [await open("alice"), await open("bob")];
    await Promise.all([alice, bob].map(({ messenger }) => messenger.settled()));
    const [a, b] = (await together([alice, bob])) as [C, C];
    Object.assign(line, { fails, reads });
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
    Object.assign(line, { fails: 0, reads: 0 });
    // A group that the storage couldn't give shows its secrets again after the next call.
    for (const one of [a, b]) await one.update();
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
  },
);

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

/** A storage with a fault at the next write, or the next reads. */
function faulty(inner: ClientStorage) {
  const fault = { write: "" as "" | "before" | "after", reads: 0, key: "" };
  const reading = <T>(key: string, read: () => T): T => {
    if (fault.reads > 0 && key.includes(fault.key)) {
      fault.reads--;
      throw new Error("can't be read");
    }
    return read();
  };
  const storage: ClientStorage = {
    get: (key) => reading(key, () => inner.get(key)),
    list: (prefix) => reading(prefix, () => inner.list(prefix)),
    write: async (changes, steps) => {
      const { write: when } = fault;
      fault.write = "";
      if (when === "before") throw new Error("not written");
      const isWritten = await inner.write(changes, steps);
      if (when === "after") throw new Error("written, perhaps");
      return isWritten;
    },
  };
  return { fault, storage };
}

it("goes on when it can't be read for a while what was written, and overwrites nothing", async () => {
  const world = new World();
  const { fault, storage } = faulty(memoryStorage());
  const [bob] = (await world.people("bob")) as [Someone];
  const alice = await world.person("alice", { storage });
  await alice.messenger.settled();
  const [a, b] = (await together([alice, bob])) as [C, C];
  await (await b.send("one")).sent;
  await alice.messenger.settled();
  fault.write = "after";
  fault.reads = 20;
  await (await b.send("two")).sent;
  await (await b.send("three")).sent;
  await alice.messenger.settled();
  expect(fault).toMatchObject({ write: "", reads: 0 });
  expect(await said(a)).toEqual(["bob: one", "bob: two", "bob: three"]);
  const told = alice.events.filter(({ kind }) => kind === "message");
  expect(told).toHaveLength(3);
});

it("reads on when the last messages couldn't be read for a moment", async () => {
  const world = new World();
  const { fault, storage } = faulty(memoryStorage());
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { storage });
  await bob.messenger.settled();
  const [a] = (await together([alice, bob])) as [C];
  await (await a.send("one")).sent;
  await bob.messenger.settled();
  await bob.messenger.close();
  await (await a.send("two")).sent;
  Object.assign(fault, { reads: 1, key: `app/delivery-h-${a.id}` });
  const again = await bob.reopen();
  await again.messenger.settled();
  expect(fault.reads).toBe(0);
  expect(await said(await conversationOf(again, a.id))).toEqual(["alice: one", "alice: two"]);
});

it.each(["before", "after"] as const)(
  "answers a message that the service refuses, though the storage fails %s it is deleted",
  async (when) => {
    const { fault, storage } = faulty(memoryStorage());
    let fails = 1;
    const wrap = (service: DeliveryService, name: string) =>
      name !== "alice"
        ? service
        : changed(service, {
            send: async (message, options) => {
              if (message.message.length < 2000) return service.send(message, options);
              if (fails-- > 0) fault.write = when;
              throw new DeliveryError("limit", "too large");
            },
          });
    const world = new World({ wrap });
    const [bob] = (await world.people("bob")) as [Someone];
    const alice = await world.person("alice", { storage });
    await alice.messenger.settled();
    const [a, b] = (await together([alice, bob])) as [C, C];
    const { sent } = await a.send("large".repeat(400));
    await expect(sent).rejects.toMatchObject({ code: "refused" });
    await (await a.send("small")).sent;
    await bob.messenger.settled();
    expect(await said(b)).toEqual(["alice: small"]);
  },
);

it("fails to open where a group can't be read for a moment, and doesn't join it again for that", async () => {
  const world = new World();
  const { fault, storage } = faulty(memoryStorage());
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { storage });
  await bob.messenger.settled();
  const [a] = (await together([alice, bob])) as [C];
  await bob.messenger.close();
  await (await a.send("one")).sent;
  await a.update();
  Object.assign(fault, { reads: 1, key: "group/" });
  await expect(bob.reopen()).rejects.toMatchObject({ retry: "now" });
  const again = await bob.reopen();
  await again.messenger.settled();
  expect(await said(await conversationOf(again, a.id))).toEqual(["alice: one"]);
  expect(problems(again)).toEqual([]);
});

it("tells, and throws nowhere, when what is given up can't be deleted", async () => {
  const world = new World();
  const { fault, storage } = faulty(memoryStorage());
  const bob = await world.person("bob", { storage });
  await bob.messenger.settled();
  const stop = new AbortController();
  const joined = bob.messenger.join("0123456789abcdef", { signal: stop.signal });
  joined.catch(() => undefined);
  // Nobody knows that group.
  await until([bob], () => problems(bob).join().includes("can't be joined again yet"));
  fault.write = "before";
  stop.abort();
  await expect(joined).rejects.toMatchObject({ code: "aborted" });
  await until([bob], () => problems(bob).join().includes("can't be deleted"));
  expect(bob.messenger.conversations).toEqual([]);
});

type C = Awaited<ReturnType<typeof together>>[number];
