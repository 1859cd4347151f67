// Whatever happens to a client, what it has asked for is answered: nothing waits for ever.
import { type Conversation, DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { Backoff } from "../src/messenger/platform.js";
import { agree, type Someone, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

it("is told that it is out, though the removal and all that it knows of the group are gone", async () => {
  const world = new World({ retention: { entries: 4 }, grace: 0 });
  const people = (await world.people("alice", "bob", "carol", "dave")) as [
    Someone,
    Someone,
    Someone,
    Someone,
  ];
  const [alice, bob, carol, dave] = people;
  const [a, b, c] = (await together([alice, bob, carol])) as [Conversation, Conversation, Conversation];
  await bob.messenger.close();
  await a.remove(["bob"]);
  await a.invite(["dave"]);
  await until([dave], () => dave.messenger.conversation(a.id)?.state === "active");
  const d = dave.messenger.conversation(a.id) as Conversation;
  await agree([alice, carol, dave], [a, c, d]);
  // The newest GroupInfo is signed by somebody whom Bob has never seen.
  for (let i = 0; i < 4; i++) await d.update();
  await agree([alice, carol, dave], [a, c, d]);
  const again = await bob.reopen();
  const b2 = again.messenger.conversation(b.id) as Conversation;
  const { sent } = await b2.send("late");
  const calls = { sent, invite: b2.invite(["dave"]), update: b2.update(), leave: b2.leave() };
  for (const call of Object.values(calls))
    await expect(call).rejects.toMatchObject({ code: "refused", retry: "never" });
  await expect(again.messenger.settled()).rejects.toMatchObject({ code: "refused" });
  expect(b2.outbox()).toEqual([]);
  // What is asked for later is answered, too.
  await expect((await b2.send("later")).sent).rejects.toMatchObject({ code: "refused" });
  // Somebody whom Bob knows adds him again.
  await a.invite(["bob"]);
  await until([again], () => b2.state === "active");
  await agree([alice, again], [a, b2]);
  await (await b2.send("here")).sent;
});

/** A service for Bob whose answers are changed. */
const forBob = (how: (service: DeliveryService) => Partial<DeliveryService>) => ({
  wrap: (service: DeliveryService, name: string) =>
    name === "bob" ? changed(service, how(service)) : service,
});

it("is told that a group can't be joined by what the service has of it", async () => {
  const world = new World(
    forBob((service) => ({
      groupInfo: async (...args) => {
        const found = await service.groupInfo(...args);
        return found && { ...found, groupInfo: found.groupInfo.map((byte) => byte ^ 1) };
      },
    })),
  );
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const a = await alice.messenger.start(["bob"]);
  await until([bob], () => bob.messenger.conversations.length === 1);
  await a.remove(["bob"]);
  await until([bob], () => bob.messenger.conversations[0]?.state === "removed");
  await expect(bob.messenger.join(a.id)).rejects.toMatchObject({ code: "refused", retry: "never" });
});

it("waits for nothing when it is given up, however long the service wants it to wait", async () => {
  const state = { isSlow: true, asked: 0 };
  const world = new World(
    forBob((service) => ({
      groupInfo: async (...args) => {
        state.asked++;
        if (state.isSlow) throw new DeliveryError("limit", "not today", { retryAfter: 86_400_000 });
        return service.groupInfo(...args);
      },
    })),
  );
  const [, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const stop = new AbortController();
  const joined = bob.messenger.join("0123456789abcdef", { signal: stop.signal });
  joined.catch(() => undefined);
  await until([bob], () => state.asked > 0 && bob.messenger.conversations.length === 1);
  stop.abort();
  await expect(joined).rejects.toMatchObject({ code: "aborted" });
  state.isSlow = false;
  const again = bob.messenger.join("0123456789abcdef");
  await expect(again).rejects.toMatchObject({ code: "refused", cause: { code: "not-found" } });
});

it("joins once, though it is asked to by an invitation and without one at the same time", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", { accept: () => undefined });
  await bob.messenger.settled();
  const a = await alice.messenger.start(["bob"]);
  await bob.until(({ kind }) => kind === "invitation");
  const [invitation] = bob.messenger.invitations;
  const all = await Promise.allSettled([invitation?.accept(), bob.messenger.join(a.id)]);
  expect(all.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(all.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "usage" } });
  const [b] = bob.messenger.conversations as [Conversation];
  await agree([alice, bob], [a, b]);
  await (await b.send("here")).sent;
});

it.each(["before", "with", "after"] as const)(
  "keeps a conversation that is joined again, though its former one is deleted: %s that",
  async (when) => {
    const world = new World();
    const [alice] = (await world.people("alice")) as [Someone];
    let isAsked = false;
    const bob = await world.person("bob", { accept: () => (isAsked ? undefined : true) });
    await bob.messenger.settled();
    const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
    isAsked = true;
    await a.remove(["bob"]);
    await until([bob], () => b.state === "removed");
    await a.invite(["bob"]);
    await bob.until(({ kind }) => kind === "invitation");
    const [invitation] = bob.messenger.invitations;
    if (when === "before") await b.delete();
    const accepted = invitation?.accept();
    const deleted =
      when === "before" ? undefined : (when === "after" ? accepted : undefined)?.then(() => b.delete());
    const beside = when === "with" ? b.delete() : deleted;
    const [, outcome] = await Promise.allSettled([accepted, beside]);
    if (when !== "before") expect(outcome).toMatchObject({ reason: { code: "gone" } });
    const again = await bob.reopen();
    expect(again.messenger.conversations.map(({ id }) => id)).toEqual([a.id]);
    const b2 = again.messenger.conversations[0] as Conversation;
    await agree([alice, again], [a, b2]);
    await (await b2.send("here")).sent;
  },
);

it.each([
  [86_400_000, 3_600_000],
  [Number.POSITIVE_INFINITY, 3_600_000],
  [2000, 2000],
])("asks again within an hour, if the service says %i milliseconds", (retryAfter, wait) => {
  const backoff = new Backoff({ firstWait: 1, longestWait: 10 });
  expect(backoff.next(new DeliveryError("limit", "not today", { retryAfter }))).toBe(wait);
});

it.each([Number.NaN, -1])("waits as it does by itself, if the service says %d milliseconds", (retryAfter) => {
  const backoff = new Backoff({ firstWait: 100, longestWait: 1000 });
  expect(backoff.next(new DeliveryError("limit", "not today", { retryAfter }))).toBeGreaterThanOrEqual(50);
});

it("is settled when a message is refused, and nothing else happens", async () => {
  let refuse: () => void = () => undefined;
  const isRefused = new Promise<void>((resolve) => {
    refuse = resolve;
  });
  const world = new World(
    forBob(() => ({
      send: async () => {
        await isRefused;
        throw new DeliveryError("invalid", "it is malformed");
      },
    })),
  );
  const people = (await world.people("alice", "bob")) as [Someone, Someone];
  const [, b] = (await together(people)) as [Conversation, Conversation];
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  const { sent } = await b.send("refused");
  const settled = people[1].messenger.settled();
  // It waits by now.
  for (let i = 0; i < 100; i++) await Promise.resolve();
  refuse();
  await expect(sent).rejects.toMatchObject({ code: "refused" });
  await settled;
});
