// RFC 9420 §14: what a client said where an insider has led it is said once more when it is back.
import { type Group, generateSigner } from "@copse/core";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { framed, utf8 } from "../src/messenger/wire.js";
import {
  callBack,
  hasHeard,
  isBack,
  joinsAgain,
  Line,
  ledAway,
  NEVER,
  type Three,
  three,
} from "./support/led.js";
import { copyOf, newId, outlaw, Schemer } from "./support/outlaw.js";
import { agree, crypto, type Someone, SUITE, said, together, until, World } from "./support/people.js";

/** Somebody reads all that there is, and then says something there. */
async function sayThere(line: Line, group: Group, texts: readonly string[] = []): Promise<void> {
  const schemer = await Schemer.at(line.service as DeliveryService, group);
  await schemer.readAll();
  const all = await group.encryptAll(texts.map((text) => framed(newId(), utf8(text))));
  for (const message of all) await schemer.send(message);
}

it.each(["is silent", "speaks", "has somebody speak whom it has added there"])(
  "what was said where an insider led a client, and %s, is said again",
  async (how) => {
    const line = new Line();
    const { alice, carol, mallory, a, c, copy } = await three(line);
    await mallory.messenger.close();
    await carol.messenger.settled();
    const puppet = await outlaw("puppet");
    const add = how.startsWith("has") ? [await puppet.createKeyPackage()] : [];
    const { again, c2, welcome } = await ledAway(line, { alice, carol, a, c }, copy, add);
    if (how !== "is silent") {
      await sayThere(line, welcome === undefined ? copy : await puppet.join(welcome), ["hi Carol"]);
      await until([again], () => hasHeard(again, "hi Carol"));
    }
    await (await c2.send("where I was led")).sent;
    line.groupInfo = undefined;
    await callBack(alice, a, c2);
    await agree([alice, again], [a, c2]);
    await (await c2.send("here")).sent;
    await until([alice], () => hasHeard(alice, "here"));
    expect(await said(a)).toEqual(["carol: where I was led", "carol: here"]);
  },
);

it("what was said again where its sender was led once more is said again once more", async () => {
  const line = new Line();
  const { alice, carol, mallory, a, c, copy, other } = await three(line);
  await mallory.messenger.close();
  await carol.messenger.settled();
  const once = await ledAway(line, { alice, carol, a, c }, copy);
  await (await once.c2.send("x")).sent;
  line.groupInfo = undefined;
  line.isCut = true;
  await callBack(alice, a, once.c2);
  await agree([alice, once.again], [a, once.c2]);
  await (await a.send("hi")).sent;
  await until([once.again], () => hasHeard(once.again, "hi"));
  await sayThere(line, other);
  line.isCut = false;
  const twice = await ledAway(line, { alice, carol: once.again, a, c: once.c2 }, other);
  while (twice.c2.outbox().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  line.groupInfo = undefined;
  await callBack(alice, a, twice.c2);
  await agree([alice, twice.again], [a, twice.c2]);
  await (await twice.c2.send("here")).sent;
  await until([alice], () => hasHeard(alice, "here"));
  expect((await said(a)).filter((one) => one.startsWith("carol"))).toEqual(["carol: x", "carol: here"]);
});

it.each([1, 1000])(
  "what was said where an insider led a client, which heard %i messages after it, is said again",
  async (count) => {
    const line = new Line();
    const { alice, carol, mallory, a, c, copy } = await three(line);
    await mallory.messenger.close();
    await carol.messenger.settled();
    const { again, c2 } = await ledAway(line, { alice, carol, a, c }, copy);
    await (await c2.send("where I was led")).sent;
    const texts = Array.from({ length: count }, (_, i) => `hi ${i}`);
    await sayThere(line, copy, texts);
    await until([again], () => hasHeard(again, `hi ${count - 1}`));
    line.groupInfo = undefined;
    await callBack(alice, a, c2);
    await agree([alice, again], [a, c2]);
    await (await c2.send("here")).sent;
    await until([alice], () => hasHeard(alice, "here"));
    expect(await said(a)).toEqual(["carol: where I was led", "carol: here"]);
  },
);

it("what was said where an insider led a client is said again, though somebody speaks there when it has led it once more", async () => {
  const line = new Line();
  const { alice, carol, mallory, a, c, copy } = await three(line);
  await mallory.messenger.close();
  await carol.messenger.settled();
  const puppet = await outlaw("puppet");
  const add = [await puppet.createKeyPackage()];
  const once = await ledAway(line, { alice, carol, a, c }, copy, add);
  const one = await puppet.join(once.welcome as Uint8Array);
  for (const who of [one, copy]) await sayThere(line, who);
  await (await once.c2.send("where I was led")).sent;
  await once.again.messenger.settled();
  for (let i = 0; i < 3; i++) {
    const staged = await copy.commit({ forcePath: true });
    line.groupInfo = await staged.groupInfo();
    await staged.merge();
    await one.receive(staged.commit);
  }
  const { carol: again, conversation: c2 } = await joinsAgain(line, once.again, once.c2);
  while (c2.outbox().length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await sayThere(line, one, ["hi Carol"]);
  await until([again], () => hasHeard(again, "hi Carol"));
  // Away from where it was said.
  for (let i = 0; i < 3; i++) await c2.update();
  line.groupInfo = undefined;
  await callBack(alice, a, c2);
  await agree([alice, again], [a, c2]);
  await (await c2.send("here")).sent;
  await until([alice], () => hasHeard(alice, "here"));
  expect(await said(a)).toEqual(["carol: where I was led", "carol: here"]);
});

it("what was said where an insider led a client is said again, though somebody else leads it on there, and the insider speaks", async () => {
  const line = new Line();
  const { alice, carol, mallory, a, c, copy } = await three(line);
  await mallory.messenger.close();
  await carol.messenger.settled();
  const puppet = await outlaw("puppet");
  const once = await ledAway(line, { alice, carol, a, c }, copy, [await puppet.createKeyPackage()]);
  const one = await puppet.join(once.welcome as Uint8Array);
  await (await once.c2.send("where I was led")).sent;
  await once.again.messenger.settled();
  await sayThere(line, one);
  line.groupInfo = await one.groupInfo();
  const { carol: again, conversation: c2 } = await joinsAgain(line, once.again, once.c2);
  await again.messenger.settled();
  await sayThere(line, copy, ["hi Carol"]);
  await until([again], () => hasHeard(again, "hi Carol"));
  for (let i = 0; i < 3; i++) await c2.update();
  line.groupInfo = undefined;
  await callBack(alice, a, c2);
  await agree([alice, again], [a, c2]);
  await (await c2.send("here")).sent;
  await until([alice], () => hasHeard(alice, "here"));
  expect(await said(a)).toEqual(["carol: where I was led", "carol: here"]);
});

it("what was said where an insider led a client is said again, though it led another one there, who speaks", async () => {
  const line = new Line();
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, carol, dave] = (await world.people("alice", "carol", "dave")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const people = [alice, carol, dave, mallory];
  const [a, c, d, m] = (await together(people)) as [Conversation, Conversation, Conversation, Conversation];
  await agree(people, [a, c, d, m]);
  for (const { messenger } of people) await messenger.settled();
  const copy = await copyOf(m.group, "mallory", signer);
  line.service = world.connect("mallory", signer.publicKey);
  for (const { messenger } of [mallory, dave]) await messenger.close();
  const { again: carol2, c2 } = await ledAway(line, { alice, carol, a, c }, copy);
  await sayThere(line, copy);
  line.groupInfo = await copy.groupInfo();
  line.isExpired = true;
  const dave2 = await dave.reopen({ limits: { proposalWait: 20 } });
  await until([dave2], () => isBack(dave2));
  const d2 = dave2.messenger.conversation(d.id) as Conversation;
  await until([carol2, dave2], () => c2.epoch === d2.epoch && d2.state === "active");
  await (await c2.send("where I was led")).sent;
  await until([dave2], () => hasHeard(dave2, "where I was led"));
  await (await d2.send("I, too")).sent;
  await until([carol2], () => hasHeard(carol2, "I, too"));
  line.groupInfo = undefined;
  for (const one of [c2, d2]) await callBack(alice, a, one);
  await agree([alice, carol2, dave2], [a, c2, d2]);
  await (await c2.send("here")).sent;
  await until([alice], () => hasHeard(alice, "here"));
  expect((await said(a)).filter((text) => text.startsWith("carol"))).toEqual([
    "carol: where I was led",
    "carol: here",
  ]);
});
