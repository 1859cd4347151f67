// Half of the others is half of those whom a client knew before it was led elsewhere: whoever leads it removes others there.
import type { Group } from "@copse/core";
import { generateSigner } from "@copse/core";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { framed, utf8 } from "../src/messenger/wire.js";
import { commits, hasHeard, isBack, Line, NEVER } from "./support/led.js";
import { copyOf, isNamed, newId, Schemer } from "./support/outlaw.js";
import { agree, crypto, type Someone, SUITE, said, together, until, World } from "./support/people.js";

async function sayThere(line: Line, group: Group, texts: readonly string[] = []): Promise<void> {
  const schemer = await Schemer.at(line.service as DeliveryService, group);
  await schemer.readAll();
  const all = await group.encryptAll(texts.map((text) => framed(newId(), utf8(text))));
  for (const message of all) await schemer.send(message);
}

it.each([false, true])(
  "two of an insider's clients aren't half of the others (others removed there: %s)",
  async (isShrunk) => {
    const line = new Line();
    const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
    const signers = [await generateSigner(crypto, SUITE), await generateSigner(crypto, SUITE)] as const;
    const honest = await world.people("alice", "bob", "dave", "erin", "carol");
    const mallory = await world.person("mallory", { signer: signers[0] });
    const trudy = await world.person("trudy", { signer: signers[1] });
    for (const one of [mallory, trudy]) await one.messenger.settled();
    const people = [...honest, mallory, trudy];
    const all = await together(people);
    await agree(people, all);
    const [alice, carol] = [honest[0], honest[4]] as [Someone, Someone];
    const [a, c] = [all[0], all[4]] as [Conversation, Conversation];
    const copy = await copyOf(all[5]?.group, "mallory", signers[0]);
    const second = await copyOf(all[6]?.group, "trudy", signers[1]);
    const real = await copyOf(all[6]?.group, "trudy", signers[1]);
    line.service = world.connect("mallory", signers[0].publicKey);
    for (const one of [mallory, trudy]) await one.messenger.close();
    await carol.messenger.settled();
    await carol.messenger.close();
    const remove = isNamed("alice", "bob", "dave", "erin");
    const staged = await copy.commit({ forcePath: true, ...(isShrunk && { remove }) });
    line.groupInfo = await staged.groupInfo();
    await staged.merge();
    await second.receive(staged.commit);
    await commits(5, [alice], [a]);
    // They are away meanwhile: else they take themselves for removed (x-out-for-good).
    for (const one of honest.slice(0, 4)) await one.messenger.settled();
    for (const one of honest.slice(0, 4)) await one.messenger.close();
    line.isExpired = true;
    const again = await carol.reopen({ limits: { proposalWait: 20 } });
    await until([again], () => isBack(again));
    const c2 = again.messenger.conversation(c.id) as Conversation;
    await (await c2.send("where I was led")).sent;
    await sayThere(line, second, ["hi Carol"]);
    await until([again], () => hasHeard(again, "hi Carol"));
    for (let i = 0; i < 3; i++) await c2.update();
    // Away from there: one whom she knows commits where the others are.
    line.groupInfo = undefined;
    for (;;) {
      const schemer = await Schemer.at(line.service as DeliveryService, real);
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
    expect((await said(a2)).filter((one) => one.startsWith("carol"))).toEqual([
      "carol: where I was led",
      "carol: here",
    ]);
  },
  60_000,
);
