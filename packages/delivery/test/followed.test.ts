// What a client said where nobody had heard it reaches those who join it there, once each.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { held, Lines } from "./support/lines.js";
import { logOf } from "./support/mallory.js";
import { joinFromOutside, outlaw } from "./support/outlaw.js";
import {
  agree,
  conversationOf,
  crypto,
  type Someone,
  SUITE,
  said,
  together,
  until,
  World,
} from "./support/people.js";

const NEVER = { proposalWait: 600_000 };
const BOTH = ["carol: apart", "carol: here"];
const hasHeard = ({ events }: Someone, text: string) =>
  events.some((one) => one.kind === "message" && one.entry.text === text);

/** Others, who are away, and Carol, who has joined again meanwhile. */
async function apart(...names: readonly string[]) {
  const lines = new Lines();
  const world = new World({ members: "unchecked", wrap: lines.wrap, engine: NEVER });
  const people = await world.people(...names, "carol");
  const all = await together(people);
  for (const one of people) await one.messenger.settled();
  for (const one of people.slice(0, -1)) await one.messenger.close();
  const [carol, c] = await lines.again(people.at(-1) as Someone, all.at(-1) as Conversation);
  await carol.messenger.settled();
  return { world, lines, people, all, carol, c };
}

async function settled(...people: readonly Someone[]): Promise<void> {
  for (const { messenger } of people) await messenger.settled();
}

/** Waits until so many messages stand in the log. */
async function stand(world: World, count: number, { groupId }: Conversation): Promise<void> {
  const service = world.delivery.connect("observer", new Uint8Array(32));
  const found = async () => (await logOf(service, groupId)).filter(({ kind }) => kind === "message").length;
  while ((await found()) < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

it.each(["before", "with"])(
  "what was said apart, and read %s the commit of who follows, reaches them",
  async (when) => {
    const { world, lines, people, all, carol, c } = await apart("alice");
    const letGo = when === "with" ? lines.hold("carol") : () => undefined;
    const { sent } = await c.send("apart");
    if (when === "before") await sent;
    else await stand(world, 1, c);
    const [alice, a] = await lines.again(people[0] as Someone, all[0] as Conversation);
    letGo();
    await agree([alice, carol], [a, c]);
    await (await c.send("here")).sent;
    await until([alice], () => hasHeard(alice, "here"));
    await settled(carol, alice);
    expect(await said(a)).toEqual(BOTH);
  },
);

it("what was under way when somebody followed reaches them", async () => {
  const { lines, people, all, carol, c } = await apart("alice");
  const { promise, resolve } = held();
  lines.sending.set("carol", promise);
  const { sent } = await c.send("apart");
  const [alice, a] = await lines.again(people[0] as Someone, all[0] as Conversation);
  await agree([alice, carol], [a, c]);
  lines.sending.clear();
  resolve();
  await sent;
  await (await c.send("here")).sent;
  await until([alice], () => hasHeard(alice, "here"));
  await settled(carol, alice);
  expect(await said(a)).toEqual(BOTH);
});

it("what was said again for one, and is read with the commit of the next, reaches that one", async () => {
  const { lines, people, all, carol, c } = await apart("alice", "bob");
  const [alice0, bob0] = people as [Someone, Someone];
  await (await c.send("apart")).sent;
  const [alice, a] = await lines.again(alice0, all[0] as Conversation);
  await agree([alice, carol], [a, c]);
  const letGo = lines.hold("carol");
  await until([alice], () => hasHeard(alice, "apart"));
  const [bob, b] = await lines.again(bob0, all[1] as Conversation);
  letGo();
  await agree([alice, bob, carol], [a, b, c]);
  await (await c.send("here")).sent;
  await until([bob], () => hasHeard(bob, "here"));
  await settled(carol);
  expect([await said(a), await said(b)]).toEqual([BOTH, BOTH]);
});

it("what was said apart, and what was under way, comes in its order", async () => {
  const { lines, people, all, carol, c } = await apart("alice");
  const texts = Array.from({ length: 5 }, (_, i) => `${i}`);
  for (const one of texts) await (await c.send(one)).sent;
  await settled(carol);
  const { promise, resolve } = held();
  lines.sending.set("carol", promise);
  await c.send("under way");
  // It is sealed, and handed to the service.
  await new Promise((done) => setTimeout(done, 50));
  const [alice, a] = await lines.again(people[0] as Someone, all[0] as Conversation);
  await agree([alice, carol], [a, c]);
  lines.sending.clear();
  resolve();
  await until([alice], () => [...texts, "under way"].every((one) => hasHeard(alice, one)));
  expect(await said(a)).toEqual([...texts, "under way"].map((one) => `carol: ${one}`));
});

it.each(["from the beginning", "since later"])(
  "what is said after what was under way when somebody, a member %s, joined anew comes after it",
  async (when) => {
    const lines = new Lines();
    const world = new World({ members: "unchecked", wrap: lines.wrap, engine: NEVER });
    const people = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
    const [alice0, bob, carol] = people;
    const isLater = when === "since later";
    const [c, b] = (await together(isLater ? [carol, bob] : [carol, bob, alice0])) as [
      Conversation,
      Conversation,
    ];
    if (isLater) await b.invite(["alice"]);
    const a0 = await conversationOf(alice0, c.id);
    await agree(people, [a0, b, c]);
    await settled(...people);
    const { promise, resolve } = held();
    lines.sending.set("carol", promise);
    await c.send("one");
    await new Promise((done) => setTimeout(done, 50));
    const [alice, a] = await lines.again(alice0, a0);
    await agree([alice, bob, carol], [a, b, c]);
    const letGo = lines.hold("carol");
    lines.sending.clear();
    resolve();
    await c.send("two");
    await stand(world, 1, c);
    await new Promise((done) => setTimeout(done, 100));
    letGo();
    await until([alice], () => hasHeard(alice, "one") && hasHeard(alice, "two"));
    await until([bob], () => hasHeard(bob, "two"));
    expect([await said(a), await said(b)]).toEqual(Array(2).fill(["carol: one", "carol: two"]));
  },
);

it("nobody has it all said again more than once, however often they join", async () => {
  const lines = new Lines();
  const world = new World({ members: "unchecked", wrap: lines.wrap, engine: NEVER });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, carol0] = (await world.people("alice", "carol")) as [Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await settled(mallory);
  const [a, c0] = (await together([alice, carol0, mallory])) as [Conversation, Conversation];
  await mallory.messenger.close();
  const [carol, c] = await lines.again(carol0, c0);
  for (let i = 0; i < 5; i++) await (await c.send(`${i}`)).sent;
  const service = world.delivery.connect("mallory", signer.publicKey);
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    await joinFromOutside(await outlaw("mallory", signer), service, a.groupId, true);
    await agree([alice, carol], [a, c]);
    await settled(carol);
    counts.push((await logOf(service, a.groupId)).filter(({ kind }) => kind === "message").length);
  }
  expect(counts).toEqual([10, 10, 10]);
});
