// RFC 9420 §14: what a client says once more when it has joined anew, and what it sees to after a restart.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { commits, hasHeard, isBack, joinsAgain, Line, NEVER, type Three, three, two } from "./support/led.js";
import { spoilt, submitJunk } from "./support/mallory.js";
import {
  agree,
  conversationOf,
  crypto,
  problems,
  type Someone,
  SUITE,
  said,
  together,
  until,
  World,
} from "./support/people.js";
import { changed } from "./support/unreliable.js";

it("what is said again isn't chosen by what the service says of epochs", async () => {
  const line = new Line();
  line.isForged = true;
  const { alice, carol, zed, a, c, disturb } = await three(line, async (people, all) => {
    await (await (all[1] as Conversation).send("years ago")).sent;
    await commits(6, people, all);
  });
  await disturb();
  await carol.messenger.settled();
  await carol.messenger.close();
  await a.invite(["zed"]);
  const z = await conversationOf(zed, a.id);
  line.isExpired = true;
  const again = await carol.reopen();
  await until([again], () => isBack(again));
  const c2 = again.messenger.conversation(c.id) as Conversation;
  await agree([alice, again, zed], [a, c2, z]);
  await (await c2.send("hello Zed")).sent;
  await until([zed], () => hasHeard(zed, "hello Zed"));
  expect(await said(z)).toEqual(["carol: hello Zed"]);
});

it("what is said again stands before what waited, after a restart too", async () => {
  const line = new Line();
  const { carol, c, disturb } = await three(line);
  await disturb();
  await (await c.send("first")).sent;
  line.isCut = true;
  await c.send("second");
  await carol.messenger.close();
  line.isExpired = true;
  const again = await carol.reopen();
  await until([again], () => isBack(again));
  const order = ({ messenger }: Someone) =>
    messenger
      .conversation(c.id)
      ?.outbox()
      .map(({ text }) => text);
  expect(order(again)).toEqual(["first", "second"]);
  expect(order(await again.reopen())).toEqual(["first", "second"]);
});

it("what was to be said again is said once, however often its sender joins before it can send", async () => {
  const line = new Line();
  const { carol, c } = await two(line);
  const once = await joinsAgain(line, carol, c);
  await (await once.conversation.send("here")).sent;
  await once.carol.messenger.settled();
  line.isCut = true;
  let { carol: again, conversation } = once;
  const waiting: number[] = [];
  for (let i = 0; i < 3; i++) {
    ({ carol: again, conversation } = await joinsAgain(line, again, conversation));
    waiting.push(conversation.outbox().length);
  }
  expect(waiting).toEqual([1, 1, 1]);
});

it("what others have heard, who said so since, isn't said again to who came later", async () => {
  const line = new Line();
  const { alice, carol, zed, a, c } = await two(line);
  const once = await joinsAgain(line, carol, c);
  await agree([alice, once.carol], [a, once.conversation]);
  await (await once.conversation.send("for Alice")).sent;
  await until([alice], () => hasHeard(alice, "for Alice"));
  await (await a.send("I heard")).sent;
  await until([once.carol], () => hasHeard(once.carol, "I heard"));
  // All commits since then are Carol's own.
  await once.conversation.invite(["zed"]);
  const z = await conversationOf(zed, a.id);
  await agree([alice, once.carol, zed], [a, once.conversation, z]);
  const twice = await joinsAgain(line, once.carol, once.conversation);
  await agree([alice, twice.carol, zed], [a, twice.conversation, z]);
  await (await twice.conversation.send("hello Zed")).sent;
  await until([zed], () => hasHeard(zed, "hello Zed"));
  expect(await said(z)).toEqual(["carol: hello Zed"]);
});

it.each(["before", "after"])(
  "who ended before a commit was answered, and %s it was read, has it finished",
  async (when) => {
    let isKilled = false;
    let looked: (call: string) => void = () => undefined;
    const firstLook = new Promise<string>((resolve) => {
      looked = resolve;
    });
    let reached: () => void = () => undefined;
    const isAccepted = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const world = new World({
      members: "unchecked",
      engine: NEVER,
      wrap: (service, name) =>
        name !== "alice"
          ? service
          : changed(service, {
              groupInfo: async (...args) => {
                if (isKilled) looked("groupInfo");
                return service.groupInfo(...args);
              },
              submit: async (handshake, options) => {
                if (isKilled) looked("submit");
                if (isKilled || handshake.after === "") return service.submit(handshake, options);
                // As on NATS: it is in the log, and its sender ends before the Welcomes are in inboxes.
                await service.submit({ ...handshake, welcomes: [] }, options);
                reached();
                return new Promise((_, reject) =>
                  options?.signal?.addEventListener("abort", () => reject(new Error("killed"))),
                );
              },
            }),
    });
    const [alice, bob] = (await world.people("alice", "bob", "zed")) as Three<Someone>;
    const [a] = await together([alice, bob]);
    await bob.messenger.close();
    a?.invite(["zed"]).catch(() => undefined);
    await isAccepted;
    if (when === "after") await until([alice], () => a?.epoch === 2n);
    await alice.messenger.close();
    isKilled = true;
    await alice.reopen();
    expect(await firstLook).toBe("groupInfo");
  },
);

it("what was said where a client was led, before others followed there, is said again", async () => {
  const world = new World({ members: "unchecked", engine: NEVER });
  const signer = await generateSigner(crypto, SUITE);
  const people = (await world.people("alice", "bob", "carol")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  for (const one of people) await one.messenger.settled();
  const [a, , c, m] = all as [Conversation, Conversation, Conversation, Conversation];
  // Carol alone can't take it. She joins by its GroupInfo, alone, and the others follow.
  await submitJunk(world.connect("mallory", signer.publicKey), m, signer, {
    path: spoilt(0),
    isConfirmed: true,
    beside: "alone",
  });
  await mallory.messenger.close();
  const [alice, bob, carol] = people;
  await until([carol], () => problems(carol).some((one) => one.startsWith("junk")));
  await (await c.send("where I was led")).sent;
  await agree(people, all.slice(0, 3));
  await (await c.send("here")).sent;
  await until([alice, bob], () => hasHeard(alice, "here") && hasHeard(bob, "here"));
  expect(await said(a)).toEqual(["carol: where I was led", "carol: here"]);
});
