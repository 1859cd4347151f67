// Whom a client knew before it was led elsewhere it knows when it is back, though they were missing there.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { commits, hasHeard, isBack, joinsAgain, Line, NEVER } from "./support/led.js";
import { Lines } from "./support/lines.js";
import { copyOf, isNamed } from "./support/outlaw.js";
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

async function poisoned(isPoisoned: boolean) {
  const line = new Line();
  const lines = new Lines();
  const world = new World({
    members: "unchecked",
    wrap: (service, name) => lines.wrap(line.wrap(service, name), name),
    engine: NEVER,
  });
  const signer = await generateSigner(crypto, SUITE);
  const honest = await world.people("alice", "bob", "carol", "zed", "erin");
  const [alice, bob, carol, zed, erin] = honest as [Someone, Someone, Someone, Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const people = [alice, bob, carol, mallory, erin];
  const all = await together(people);
  const [a, b, c, m, e] = all as [Conversation, Conversation, Conversation, Conversation, Conversation];
  await agree(people, all);
  const copy = await copyOf(m.group, "mallory", signer);
  line.service = world.connect("mallory", signer.publicKey);
  for (const one of [mallory, carol]) await one.messenger.settled();
  for (const one of [mallory, carol]) await one.messenger.close();
  const remove = isNamed("alice", "erin");
  const staged = await copy.commit({ forcePath: true, ...(isPoisoned && { remove }) });
  line.groupInfo = await staged.groupInfo();
  await staged.merge();
  await commits(5, [alice, bob, erin], [a, b, e]);
  line.isExpired = true;
  const again = await carol.reopen({ limits: { proposalWait: 20 } });
  await until([again], () => isBack(again));
  const c2 = again.messenger.conversation(c.id) as Conversation;
  line.groupInfo = undefined;
  const isHere = () =>
    Buffer.from(c2.group?.epochAuthenticator ?? []).equals(b.group?.epochAuthenticator as never);
  while (!isHere() || c2.state !== "active") {
    await b.update();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await agree([alice, bob, again, erin], [a, b, c2, e]);
  return { line, lines, world, alice, bob, zed, erin, carol: again, a, b, c: c2, e, signer };
}

it.each([false, true])(
  "what all have heard, who said so and committed since, isn't said again to who came later (one was missing: %s)",
  async (isPoisoned) => {
    const { line, alice, bob, zed, erin, carol, a, b, c, e } = await poisoned(isPoisoned);
    await (await c.send("for all")).sent;
    await until([alice, bob], () => hasHeard(alice, "for all") && hasHeard(bob, "for all"));
    await (await a.send("Alice heard")).sent;
    await (await b.send("Bob heard")).sent;
    await (await e.send("Erin heard")).sent;
    await until(
      [carol],
      () => hasHeard(carol, "Alice heard") && hasHeard(carol, "Bob heard") && hasHeard(carol, "Erin heard"),
    );
    await commits(10, [alice, bob, carol], [a, b, c]);
    await commits(10, [alice, bob, carol], [b, a, c]);
    await commits(2, [alice, bob, carol, erin], [e, b, a, c]);
    await a.invite(["zed"]);
    const z = await conversationOf(zed, a.id);
    await agree([alice, bob, carol, zed], [a, b, c, z]);
    await carol.messenger.settled();
    const { carol: carol2, conversation: c3 } = await joinsAgain(line, carol, c);
    await agree([alice, bob, carol2, zed], [a, b, c3, z]);
    await (await c3.send("hello Zed")).sent;
    await until([zed], () => hasHeard(zed, "hello Zed"));
    expect(await said(z)).toEqual(["carol: hello Zed"]);
  },
  90_000,
);

it.each([false, true])(
  "what was said where nobody had been heard reaches who follows (one was missing once: %s)",
  async (isPoisoned) => {
    const { lines, alice, bob, erin, carol, a, b, c, e } = await poisoned(isPoisoned);
    // All is well, and all have heard each other, long ago.
    for (const [i, one] of [a, e, b, c, a, e].entries()) await (await one.send(`${i}`)).sent;
    await until([carol], () => hasHeard(carol, "5"));
    for (const one of [a, e, b, a, e, b, a, e, b])
      await commits(1, [alice, bob, carol, erin], [one, ...[a, b, c, e].filter((two) => two !== one)]);
    for (const one of [alice, bob, erin, carol]) await one.messenger.settled();
    for (const one of [alice, bob, erin]) await one.messenger.close();
    const [carol2, c2] = await lines.again(carol, c);
    await (await c2.send("apart")).sent;
    await carol2.messenger.settled();
    const [alice2, a2] = await lines.again(alice, a);
    await agree([alice2, carol2], [a2, c2]);
    await (await c2.send("here")).sent;
    await until([alice2], () => hasHeard(alice2, "here"));
    expect((await said(a2)).slice(-2)).toEqual(["carol: apart", "carol: here"]);
  },
  90_000,
);
