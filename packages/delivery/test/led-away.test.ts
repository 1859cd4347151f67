// RFC 9420 §14: what a client said where an insider has led it is said once more when it is back.
import { generateSigner } from "@copse/core";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
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
import { logOf } from "./support/mallory.js";
import { copyOf, newId, outlaw, provider } from "./support/outlaw.js";
import { agree, crypto, type Someone, SUITE, said, together, until, World } from "./support/people.js";

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
      const service = line.service as DeliveryService;
      const { groupId } = c2;
      const one = welcome === undefined ? copy : await puppet.join(welcome);
      for (const { message } of await logOf(service, groupId))
        await one.receive(message).catch(() => undefined);
      const message = await one.encrypt(framed(newId(), utf8("hi Carol")));
      const key = () => epochKey(provider, one.epoch, one);
      await service.send({ id: newId(), groupId, epoch: one.epoch, message, key });
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
  const service = line.service as DeliveryService;
  for (const { message } of await logOf(service, c.groupId))
    await other.receive(message).catch(() => undefined);
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
    const service = line.service as DeliveryService;
    const { groupId } = c2;
    for (const { message } of await logOf(service, groupId))
      await copy.receive(message).catch(() => undefined);
    await (await c2.send("where I was led")).sent;
    const key = () => epochKey(provider, copy.epoch, copy);
    const texts = Array.from({ length: count }, (_, i) => framed(newId(), utf8(`hi ${i}`)));
    for (const message of await copy.encryptAll(texts))
      await service.send({ id: newId(), groupId, epoch: copy.epoch, message, key });
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
  const service = line.service as DeliveryService;
  const { groupId } = once.c2;
  const readAll = async (who: typeof one) => {
    for (const { message } of await logOf(service, groupId))
      await who.receive(message).catch(() => undefined);
  };
  for (const who of [one, copy]) await readAll(who);
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
  await readAll(one);
  const message = await one.encrypt(framed(newId(), utf8("hi Carol")));
  const key = () => epochKey(provider, one.epoch, one);
  await service.send({ id: newId(), groupId, epoch: one.epoch, message, key });
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
  const service = world.connect("mallory", signer.publicKey);
  for (const { messenger } of [mallory, dave]) await messenger.close();
  const { again: carol2, c2 } = await ledAway(line, { alice, carol, a, c }, copy);
  for (const { message } of await logOf(service, a.groupId))
    await copy.receive(message).catch(() => undefined);
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
