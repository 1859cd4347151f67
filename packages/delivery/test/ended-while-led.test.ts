// Who joins again, ends before it has joined, and begins anew with another GroupInfo still knows others than those who are in it.
import { type Group, generateSigner } from "@copse/core";
import { type Conversation, DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { framed, utf8 } from "../src/messenger/wire.js";
import { commits, hasHeard, isBack, Line, NEVER } from "./support/led.js";
import { copyOf, isNamed, newId, Schemer } from "./support/outlaw.js";
import { agree, crypto, type Someone, SUITE, said, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

async function sayThere(
  service: DeliveryService,
  group: Group,
  texts: readonly string[] = [],
): Promise<void> {
  const schemer = await Schemer.at(service, group);
  await schemer.readAll();
  const all = await group.encryptAll(texts.map((text) => framed(newId(), utf8(text))));
  for (const message of all) await schemer.send(message);
}

it.each([false, true])(
  "who has led a client doesn't count as the others (it ended while it joined: %s)",
  async (isRestarted) => {
    const line = new Line();
    let how: "works" | "is down" | "refuses" = "works";
    let tried: () => void = () => undefined;
    const wrap = (service: DeliveryService, name: string) =>
      name !== "carol"
        ? service
        : changed(line.wrap(service, name), {
            submit: async (...args) => {
              tried();
              if (how === "is down") throw new DeliveryError("unavailable", "the line is bad");
              if (how === "refuses") {
                how = "works";
                return { kind: "refused", reason: "no" };
              }
              return service.submit(...args);
            },
          });
    const world = new World({ members: "unchecked", wrap, engine: NEVER });
    const signer = await generateSigner(crypto, SUITE);
    const [alice, bob, carol] = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
    const mallory = await world.person("mallory", { signer });
    await mallory.messenger.settled();
    const people = [alice, bob, carol, mallory];
    const all = await together(people);
    await agree(people, all);
    const [a, b, c, m] = all as [Conversation, Conversation, Conversation, Conversation];
    const copy = await copyOf(m.group, "mallory", signer);
    const real = await copyOf(m.group, "mallory", signer);
    const service = world.connect("mallory", signer.publicKey);
    for (const one of [mallory, carol]) await one.messenger.settled();
    for (const one of [mallory, carol]) await one.messenger.close();
    await commits(5, [alice, bob], [a, b]);
    for (const one of [alice, bob]) await one.messenger.settled();
    for (const one of [alice, bob]) await one.messenger.close();
    const remove = isNamed("alice", "bob");
    const staged = await copy.commit({ forcePath: true, remove });
    const made = await staged.groupInfo();
    await staged.merge();
    let again: Someone = carol;
    line.isExpired = true;
    if (isRestarted) {
      const isTried = new Promise<void>((resolve) => {
        tried = resolve;
      });
      how = "is down";
      // By a GroupInfo that nobody has made up for this.
      line.groupInfo = await real.groupInfo();
      again = await carol.reopen({ limits: { proposalWait: 20 } });
      await isTried;
      await again.messenger.close();
      how = "refuses";
    }
    line.groupInfo = made;
    again = await again.reopen({ limits: { proposalWait: 20 } });
    await until([again], () => isBack(again));
    const c2 = again.messenger.conversation(c.id) as Conversation;
    await until([again], () => c2.state === "active");
    expect(c2.members.length).toBe(2);
    await (await c2.send("where I was led")).sent;
    await sayThere(service, copy, ["hi Carol"]);
    await until([again], () => hasHeard(again, "hi Carol"));
    for (let i = 0; i < 3; i++) await c2.update();
    line.groupInfo = undefined;
    for (;;) {
      const schemer = await Schemer.at(service, real);
      await schemer.readAll();
      const isHere = Buffer.from(c2.group?.epochAuthenticator ?? []).equals(real.epochAuthenticator);
      if (isHere && c2.state === "active") break;
      await schemer.fork(1);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await (await c2.send("here")).sent;
    await again.messenger.settled();
    const alice2 = await alice.reopen();
    await until([alice2], () => hasHeard(alice2, "here"));
    const a2 = alice2.messenger.conversation(c.id) as Conversation;
    expect(await said(a2)).toEqual(["carol: where I was led", "carol: here"]);
  },
  15_000,
);
