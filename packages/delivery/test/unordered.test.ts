// Conversations where nobody orders commits: each member gets them in another order, and all end in the same epoch.
import { type Conversation, MessengerError, memoryDelivery } from "@copse/delivery";
import { type SettleBranchesOptions, settleBranches } from "@copse/delivery/unordered";
import { expect, it } from "vitest";
import { Lines } from "./support/lines.js";
import {
  agree,
  conversationOf,
  isRemoved,
  names,
  problems,
  type Someone,
  said,
  together,
  until,
  World,
} from "./support/people.js";
import { Relay, type RelayOptions } from "./support/relay.js";
import { randomFrom } from "./support/unreliable.js";

const AFTER = 60;
const world = new World();

function relayOf(options: Partial<RelayOptions> = {}): Relay {
  return new Relay({ spread: 20, twice: 0.1, ...options }, randomFrom(7));
}

async function peopleOn(
  relay: Relay,
  all: readonly string[],
  options: SettleBranchesOptions = {},
): Promise<Someone[]> {
  const settle = settleBranches({ after: AFTER, patience: 300, ...options });
  const people = await Promise.all(
    all.map((name) =>
      world.person(name, { settle, delivery: ({ signatureKey }) => relay.connect(name, signatureKey) }),
    ),
  );
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  return people;
}

const settled = (people: readonly Someone[]) =>
  Promise.all(people.map(({ messenger }) => messenger.settled()));

/** Waits until all have heard all that was said, and checks that nobody has heard anything twice. */
async function haveHeard(
  people: readonly Someone[],
  all: Awaited<ReturnType<typeof together>>,
  texts: readonly string[],
): Promise<void> {
  const expected = [...texts].sort();
  for (const [i, one] of all.entries()) {
    const who = people[i] as Someone;
    for (;;) {
      const count = who.events.length;
      const now = (await said(one)).sort();
      if (now.length >= expected.length) {
        expect(now).toEqual(expected);
        break;
      }
      await until([who], () => who.events.length > count);
    }
  }
}

it("lets all commit and talk at once, though each gets everything in another order", async () => {
  const people = await peopleOn(relayOf(), ["alice", "bob", "carol", "dave"]);
  const all = await together(people);
  const texts: string[] = [];
  await Promise.all(
    all.map(async (one, i) => {
      for (let n = 0; n < 2; n++) {
        texts.push(`${people[i]?.name}: ${n}`);
        await one.send(`${n}`);
        await one.update();
      }
    }),
  );
  await settled(people);
  await haveHeard(people, all, texts);
  await agree(people, all);
  expect(people.flatMap(problems)).toEqual([]);
});

it("brings those together who went on apart, over a restart, and what each has said", async () => {
  const relay = relayOf();
  let people = await peopleOn(relay, ["alice", "bob", "carol"]);
  let all = await together(people);
  await settled(people);
  relay.part(["alice"], ["bob", "carol"]);
  await Promise.all([all[0]?.update(), all[1]?.update()]);
  const texts: string[] = [];
  const talk = async (what: string) => {
    for (const [i, one] of all.entries()) {
      texts.push(`${people[i]?.name}: ${what}`);
      const { sent } = await one.send(what);
      await sent;
    }
  };
  await talk("apart");
  expect(all[0]?.group?.epochAuthenticator).not.toEqual(all[1]?.group?.epochAuthenticator);
  people = await Promise.all(people.map((one) => one.reopen()));
  all = await Promise.all(people.map((one) => conversationOf(one, all[0]?.id as string)));
  await until(people, () => all.every(({ state }) => state === "active"));
  await talk("after a restart");
  relay.heal();
  await settled(people);
  await agree(people, all);
  await talk("together");
  await settled(people);
  await haveHeard(people, all, texts);
  expect(people.flatMap(problems)).toEqual([]);
});

it("follows many commits that came while it was away", async () => {
  const relay = relayOf();
  const [alice, bob, carol] = (await peopleOn(relay, ["alice", "bob", "carol"], { after: 5 })) as [
    Someone,
    Someone,
    Someone,
  ];
  const [a, b, c] = (await together([alice, bob, carol])) as Awaited<ReturnType<typeof together>> & {
    length: 3;
  };
  await settled([alice, bob, carol]);
  await carol.messenger.close();
  const texts: string[] = [];
  for (let n = 0; n < 6; n++) {
    await a?.update();
    await (await b?.send(`${n}`))?.sent;
    texts.push(`bob: ${n}`);
  }
  const again = await carol.reopen();
  const all = [a, b, await conversationOf(again, c?.id as string)] as Awaited<ReturnType<typeof together>>;
  await settled([alice, bob, again]);
  await haveHeard([alice, bob, again], all, texts);
  await agree([alice, bob, again], all);
  expect([alice, bob, again].flatMap(problems)).toEqual([]);
});

it("adds and removes in the end whom somebody added and removed in a branch that has lost", async () => {
  const relay = relayOf();
  // Here a commit that changes nobody counts.
  const compare: SettleBranchesOptions["compare"] = (a, b) =>
    a.commit.added.length + a.commit.removed.length - b.commit.added.length - b.commit.removed.length ||
    Buffer.compare(a.hash, b.hash);
  const people = await peopleOn(relay, ["alice", "bob", "carol", "dave"], { compare });
  const [alice, bob, carol, dave] = people as [Someone, Someone, Someone, Someone];
  const all = await together([alice, bob, carol]);
  await settled(people);
  relay.part(["alice"], ["bob", "carol"], ["dave"]);
  await Promise.all([
    (async () => {
      await all[0]?.remove(["carol"]);
      await all[0]?.invite(["dave"]);
    })(),
    all[1]?.update(),
  ]);
  expect(names(all[1] as (typeof all)[0])).toContain("carol");
  relay.heal();
  await carol.until(isRemoved);
  const ofDave = await conversationOf(dave, all[0]?.id as string);
  await until([alice, bob, dave], () =>
    [all[0], all[1], ofDave].every((one) => `${names(one as (typeof all)[0])}` === "alice,bob,dave"),
  );
  await agree([alice, bob, dave], [...all.slice(0, 2), ofDave]);
});

it("lets who was apart for too long join again", async () => {
  const relay = relayOf();
  const options = { after: 5, epochs: 1, patience: 100 };
  const people = await peopleOn(relay, ["alice", "bob", "carol"], options);
  const all = await together(people);
  await settled(people);
  relay.part(["alice"], ["bob", "carol"]);
  const texts: string[] = [];
  for (let n = 0; n < 4; n++) {
    if (n < 3) await all[0]?.update();
    await all[1]?.update();
  }
  relay.heal();
  await all[2]?.update();
  await people[0]?.until((one) => one.kind === "problem" && one.problem.code === "rejoined");
  await settled(people);
  await agree(people, all);
  for (const [i, one] of all.entries()) {
    texts.push(`${people[i]?.name}: here`);
    await (await one.send("here")).sent;
  }
  await settled(people);
  await haveHeard(people, all, texts);
  expect(people.slice(1).flatMap(problems)).toEqual([]);
});

it("needs to be told how branches are settled, and only there", async () => {
  const relay = relayOf();
  const usage = expect.objectContaining({ code: "usage" });
  const delivery = relay.delivery.connect("erin", "key");
  await expect(world.person("erin", { delivery })).rejects.toEqual(usage);
  const ordered = memoryDelivery().connect("erin", "key");
  const settle = settleBranches();
  await expect(world.person("erin", { delivery: ordered, settle })).rejects.toEqual(usage);
  for (const wrong of [{ after: -1 }, { patience: -1 }, { epochs: 0 }, { age: 0 }, { compare: 1 as never }])
    expect(() => settleBranches(wrong)).toThrow(MessengerError);
});

it("who has joined again says that it is settled only when it is", async () => {
  const relay = relayOf({ spread: 0, twice: 0 });
  const isSlow = (name: string) => name === "alice";
  const after = 1500;
  const people = await Promise.all(
    ["alice", "bob", "carol"].map((name) =>
      world.person(name, {
        settle: settleBranches({ after: isSlow(name) ? after : 5, epochs: 1, patience: 100 }),
        delivery: ({ signatureKey }) => relay.connect(name, signatureKey),
      }),
    ),
  );
  await settled(people);
  const all = await together(people);
  await settled(people);
  relay.part(["alice"], ["bob", "carol"]);
  for (let n = 0; n < 4; n++) {
    if (n < 3) await all[0]?.update();
    await all[1]?.update();
  }
  const [alice] = people as [Someone];
  relay.heal();
  await all[2]?.update();
  await until([alice], () => problems(alice).join().includes("has joined the group again"));
  const states: { readonly state: string; readonly at: number }[] = [];
  alice.messenger.on((event) => {
    if (event.kind === "state") states.push({ state: event.state, at: Date.now() });
  });
  await all[2]?.update();
  await until([alice], () => states.some(({ state }) => state === "catching-up"));
  await settled(people);
  await agree(people, all);
  const held = states.find(({ state }) => state === "catching-up")?.at ?? 0;
  const early = states.filter(({ state, at }) => state === "active" && at > held && at < held + after - 50);
  expect(early).toEqual([]);
});

it("what was said apart reaches who follows there", async () => {
  const lines = new Lines();
  const delivery = memoryDelivery({ ordering: "none" });
  const options = {
    settle: settleBranches({ after: AFTER, patience: 300 }),
    limits: { proposalWait: 600_000 },
  };
  const people = await Promise.all(
    ["alice", "carol"].map((name) =>
      world.person(name, {
        ...options,
        delivery: ({ signatureKey }) => lines.wrap(delivery.connect(name, signatureKey), name),
      }),
    ),
  );
  await settled(people);
  const all = await together(people);
  await settled(people);
  const [alice0, carol0] = people as [Someone, Someone];
  await alice0.messenger.close();
  const [carol, c] = await lines.again(carol0, all[1] as Conversation);
  await carol.messenger.settled();
  await (await c.send("apart")).sent;
  const [alice, a] = await lines.again(alice0, all[0] as Conversation);
  await agree([alice, carol], [a, c]);
  await (await c.send("here")).sent;
  await haveHeard([alice], [a], ["carol: apart", "carol: here"]);
});
