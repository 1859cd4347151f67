// RFC 9420 §14: what a client said where an insider has led it is said once more when it is back.
import type { DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
import { framed, utf8 } from "../src/messenger/wire.js";
import { callBack, hasHeard, joinsAgain, Line, ledAway, three } from "./support/led.js";
import { logOf } from "./support/mallory.js";
import { newId, outlaw, provider } from "./support/outlaw.js";
import { agree, said, until } from "./support/people.js";

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
