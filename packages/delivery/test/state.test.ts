// State that was lost or is behind: what a client regains, and how; calls that are given up; limits.
import { memoryStorage } from "@copse/core/storage";
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { CutStorage } from "./support/cut-storage.js";
import {
  agree,
  conversationOf,
  heard,
  names,
  problems,
  type Someone,
  said,
  together,
  until,
  World,
} from "./support/people.js";
import { changed, watching } from "./support/unreliable.js";

/** Spoils all that a storage has of groups: not the entries of conversations. */
async function damage({ storage }: Someone): Promise<void> {
  const entries = (await storage.list("group")).filter(({ value }) => value.length > 64);
  expect(entries.length).toBeGreaterThan(1);
  await storage.write(
    entries.map(({ key, value }) => ({ key, value: value.map((byte) => byte ^ 1) })),
    [],
  );
}

type C = Awaited<ReturnType<typeof together>>[number];

it("joins again when the group's state is gone from its storage, with the history", async () => {
  const people = await new World().people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a, b] = (await together(people)) as [C, C];
  await (await a.send("one")).sent;
  await heard(bob, b, 1);
  await bob.messenger.close();
  await damage(bob);
  const again = await bob.reopen();
  const b2 = await conversationOf(again, a.id);
  await agree([alice, again], [a, b2]);
  await (await b2.send("two")).sent;
  await heard(alice, a, 2);
  expect(await said(b2)).toEqual(["alice: one", "bob: two"]);
  expect(problems(again).join()).toContain("has joined the group again: its state was lost");
  const rejoined = (await a.history()).flatMap((one) => (one.kind === "members" ? one.rejoined : []));
  expect(rejoined.map(({ user }) => user)).toEqual(["bob"]);
});

it("catches up after many epochs, tells how far it is, and commits nothing before", async () => {
  let submitted = 0;
  const world = new World({
    batch: 5,
    wrap: (one, name) => watching(one, "submit", () => name === "bob" && submitted++),
  });
  const people = await world.people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a, b] = (await together(people)) as [C, C];
  const { epoch } = b;
  await bob.messenger.close();
  for (let i = 0; i < 10; i++) {
    await a.update();
    await (await a.send(`${i}`)).sent;
  }
  const again = await bob.reopen();
  const b2 = await conversationOf(again, a.id);
  const update = b2.update();
  await heard(again, b2, 10);
  await update;
  await agree([alice, again], [a, b2]);
  expect(b2.epoch).toBe(epoch + 11n);
  const kinds = again.events.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "progress").length).toBeGreaterThan(2);
  expect(submitted).toBe(1);
  // Its own commit is the last.
  const own = again.events.flatMap((one) => (one.kind === "epoch" && one.by.own ? [one.epoch] : []));
  expect(own).toEqual([epoch + 11n]);
  expect(await said(b2)).toEqual(Array.from({ length: 10 }, (_, i) => `alice: ${i}`));
});

it("sends what the log has already to nobody twice, though it joins again and doesn't read that", async () => {
  const isDeaf = { now: false };
  const deaf = (one: DeliveryService, name: string) =>
    name === "bob" ? watching(one, "subscribe", () => isDeaf.now && new Promise(() => undefined)) : one;
  const people = await new World({ wrap: deaf }).people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a, b] = (await together(people)) as [C, C];
  isDeaf.now = true;
  await b.send("once");
  await heard(alice, a, 1);
  await bob.messenger.close();
  await damage(bob);
  isDeaf.now = false;
  const again = await bob.reopen();
  await again.messenger.settled();
  const b2 = await conversationOf(again, a.id);
  await (await b2.send("twice")).sent;
  expect(await heard(alice, a, 2)).toEqual(["bob: once", "bob: twice"]);
  expect(await said(b2)).toEqual(["bob: once", "bob: twice"]);
});

it("joins again when the service has dropped what came meanwhile", async () => {
  const world = new World({ retention: { entries: 5 } });
  const people = await world.people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a] = (await together(people)) as [C, C];
  await bob.messenger.close();
  for (let i = 0; i < 8; i++) await a.update();
  const again = await bob.reopen();
  const b = await conversationOf(again, a.id);
  await agree([alice, again], [a, b]);
  await (await b.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
});

it("joins again when the service doesn't know its place in the log any more", async () => {
  let isRestored = false;
  // As one that was restored, and has lost the last entries.
  const wrap = (service: DeliveryService, name: string) =>
    name !== "bob"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!isRestored || options.after === "" || options.key === undefined)
              return service.subscribe(options);
            isRestored = !places.includes(options.after);
            if (!isRestored) return service.subscribe(options);
            throw new DeliveryError("invalid", "the cursor is none of this log");
          },
          groupInfo: async (...args) => {
            const found = await service.groupInfo(...args);
            if (found !== undefined) places.push(found.handshake);
            return found;
          },
        });
  const places: string[] = [];
  const people = await new World({ wrap }).people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a] = (await together(people)) as [C, C];
  await (await a.send("one")).sent;
  await bob.messenger.settled();
  await bob.messenger.close();
  places.length = 0;
  isRestored = true;
  const again = await bob.reopen();
  const b = await conversationOf(again, a.id);
  await until([again], () => b.state === "active");
  await agree([alice, again], [a, b]);
  await (await b.send("two")).sent;
  expect(await heard(alice, a, 2)).toEqual(["alice: one", "bob: two"]);
});

it("is removed, and not in the group again, if that happened while it had lost the state", async () => {
  const people = await new World().people("alice", "bob");
  const [, bob] = people as [Someone, Someone];
  const [a, b] = (await together(people)) as [C, C];
  await bob.messenger.close();
  await a.remove(["bob"]);
  await damage(bob);
  const again = await bob.reopen();
  const b2 = await conversationOf(again, b.id);
  await until([again], () => b2.state === "removed");
  expect(names(a)).toEqual(["alice"]);
  await b2.delete();
  expect(again.messenger.conversations).toEqual([]);
  expect(await again.messenger.client.listEntries("app/delivery-")).toEqual([]);
  expect(await again.messenger.client.listEntries("app/delivery/c/")).toEqual([]);
});

it("gives calls up, and says whether to call again", async () => {
  const world = new World();
  const people = await world.people("alice", "bob");
  const [alice] = people as [Someone];
  const [a] = (await together(people)) as [C, C];
  const stop = new AbortController();
  world.delivery.pause();
  await until(people, () => a.state === "catching-up");
  const invited = a.invite(["bob"], { signal: stop.signal });
  const settled = alice.messenger.settled({ signal: stop.signal });
  const begun = alice.messenger.start(["bob"], { signal: stop.signal });
  const all = Promise.allSettled([invited, settled, begun]);
  stop.abort("enough");
  for (const one of await all)
    expect(one).toMatchObject({
      status: "rejected",
      reason: { code: "aborted", cause: "enough", retry: "now" },
    });
  const sent = a.send("never", { signal: stop.signal });
  await expect(sent).rejects.toMatchObject({ code: "aborted" });
  world.delivery.restart();
  await alice.messenger.settled();
  expect(alice.messenger.conversations).toEqual([a]);
  expect(a.outbox()).toEqual([]);
});

it("keeps no more than its limits", async () => {
  const world = new World({ engine: { outbox: 3, outboxBytes: 100, history: 4 } });
  const people = await world.people("alice", "bob");
  const [alice] = people as [Someone];
  const [a] = (await together(people)) as [C, C];
  for (let i = 0; i < 6; i++) await (await a.send(`${i}`)).sent;
  expect(await said(a)).toEqual(["2", "3", "4", "5"].map((text) => `alice: ${text}`));
  expect(await alice.messenger.client.listEntries(`app/delivery-h-${a.id}`)).toHaveLength(4);
  const page = await a.history({ limit: 2, before: 7 });
  expect(page.map((one) => one.place)).toEqual([5, 6]);
  expect((await a.history({ limit: 2, after: 3 })).map((one) => one.place)).toEqual([4, 5]);
  world.delivery.pause();
  await until(people, () => a.state === "catching-up");
  for (let i = 0; i < 3; i++) await a.send("waits");
  await expect(a.send("too many")).rejects.toMatchObject({ code: "limit", retry: "later" });
  await expect(a.send(new Uint8Array(200))).rejects.toMatchObject({ code: "limit" });
  const closed = a.update();
  await alice.messenger.close();
  await expect(closed).rejects.toMatchObject({ code: "closed", retry: "never" });
  await expect(a.send("closed")).rejects.toMatchObject({ code: "closed" });
});

it("joins once, though it is asked to twice at once", async () => {
  const people = await new World().people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a] = (await together(people)) as [C, C];
  await bob.messenger.close();
  const again = await bob.reopen({ storage: memoryStorage() });
  const joins = await Promise.allSettled([again.messenger.join(a.id), again.messenger.join(a.id)]);
  expect(joins).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: { code: "usage" } }]);
  const b = await conversationOf(again, a.id);
  await agree([alice, again], [a, b]);
});

it("changes nothing in its storage when it is closed", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { accept: () => undefined });
  await bob.messenger.settled();
  await alice.messenger.start(["bob"]);
  await bob.until(({ kind }) => kind === "invitation");
  const notes = await bob.messenger.start([]);
  await notes.leave();
  const [invitation] = bob.messenger.invitations;
  await bob.messenger.close();
  const closed = { code: "closed", retry: "never" };
  await expect(invitation?.accept()).rejects.toMatchObject(closed);
  await expect(invitation?.decline()).rejects.toMatchObject(closed);
  await expect(notes.delete()).rejects.toMatchObject(closed);
  const again = await bob.reopen();
  expect(again.messenger.invitations.map(({ id }) => id)).toEqual([invitation?.id]);
  expect(again.messenger.conversations.map(({ id }) => id)).toEqual([notes.id]);
});

it("leaves a conversation in which it is alone", async () => {
  const [alice] = (await new World().people("alice")) as [Someone];
  const a = await alice.messenger.start([], { name: "Notes" });
  await (await a.send("to myself")).sent;
  await a.leave();
  expect(a.state).toBe("left");
  const again = await alice.reopen({ storage: alice.storage });
  expect(again.messenger.conversations.map(({ state, name }) => [state, name])).toEqual([["left", "Notes"]]);
  expect(await said(again.messenger.conversations[0] as C)).toEqual(["alice: to myself"]);
});

it.each([0, 1, 2, 3])("begins a conversation, or doesn't, if it ends at write %i", async (after) => {
  const world = new World();
  const [bob] = (await world.people("bob")) as [Someone];
  const cut = new CutStorage(memoryStorage());
  const alice = await world.person("alice", { storage: cut.storage });
  await alice.messenger.settled();
  cut.cut(after, after % 2 === 0);
  const begun = alice.messenger.start(["bob"], { name: "Birds" });
  await Promise.race([begun.catch(() => undefined), cut.isCut]);
  await alice.messenger.close();
  await begun.catch(() => undefined);
  cut.mend();
  const again = await alice.reopen();
  const [a = await again.messenger.start(["bob"])] = again.messenger.conversations;
  const b = await conversationOf(bob, a.id);
  await agree([again, bob], [a, b]);
  await (await a.send("here")).sent;
  expect(await heard(bob, b, 1)).toEqual(["alice: here"]);
  expect(bob.messenger.conversations).toHaveLength(1);
});
