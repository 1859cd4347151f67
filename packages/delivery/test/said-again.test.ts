// RFC 9420 §14: what a client says once more when it has joined anew, and what it sees to after a restart.
import { generateSigner } from "@copse/core";
import {
  type Batch,
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type LogEntry,
} from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
import { framed, utf8 } from "../src/messenger/wire.js";
import { logOf, spoilt, submitJunk } from "./support/mallory.js";
import { copyOf, newId, outlaw, provider } from "./support/outlaw.js";
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

type Three<T> = [T, T, T];

const NEVER = { proposalWait: 600_000 };
const isBack = (one: Someone) => problems(one).join().includes("has joined the group again");
const hasHeard = ({ events }: Someone, text: string) =>
  events.some((one) => one.kind === "message" && one.entry.text === text);

/** Carol's line, and what she is shown. */
class Line {
  /** Once, she is told that what followed isn't kept. */
  isExpired = false;
  /** She can send nothing. */
  isCut = false;
  /** The service says of each message that it is of a very late epoch. */
  isForged = false;
  /** The GroupInfo that she is shown. */
  groupInfo: Uint8Array | undefined;
  /** The line of the insider. */
  service: DeliveryService | undefined;

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    name !== "carol"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (this.isExpired) {
              this.isExpired = false;
              throw new DeliveryError("expired", "what followed isn't kept");
            }
            return this.#shown(service.subscribe(options));
          },
          send: async (...args) => {
            if (this.isCut) throw new DeliveryError("unavailable", "the line is bad");
            return service.send(...args);
          },
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            return found && this.groupInfo ? { ...found, groupInfo: this.groupInfo } : found;
          },
        });

  async *#shown(batches: AsyncIterable<Batch<LogEntry>>): AsyncGenerator<Batch<LogEntry>> {
    for await (const { entries, behind } of batches) {
      const late = (one: LogEntry) => (one.kind === "message" ? { ...one, epoch: 2n ** 60n } : one);
      yield { entries: this.isForged ? entries.map(late) : entries, behind };
    }
  }
}

/** Commits so often, and waits until the others have taken it. */
async function commits(count: number, people: readonly Someone[], [one, ...others]: readonly Conversation[]) {
  for (let i = 0; i < count && one !== undefined; i++) {
    const { epoch } = one;
    await one.update();
    await until(people, () => one.epoch > epoch && others.every((other) => other.epoch === one.epoch));
  }
}

/** Alice, Carol and Mallory; Zed isn't in their group. */
async function three(
  line: Line,
  before?: (people: readonly Someone[], all: readonly Conversation[]) => Promise<void>,
) {
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, carol, zed] = (await world.people("alice", "carol", "zed")) as Three<Someone>;
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const people = [alice, carol, mallory];
  const [a, c, m] = (await together(people)) as Three<Conversation>;
  await before?.(people, [a, c, m]);
  await agree(people, [a, c, m]);
  /** A commit of Mallory's that all refuse, and one of Alice's that all take. */
  const disturb = async () => {
    const junk = { path: spoilt(0, 1), confirmationTag: new Uint8Array(32), beside: "nothing" } as const;
    await submitJunk(world.connect("mallory", signer.publicKey), m, signer, junk);
    const hasRefused = (one: Someone) => problems(one).some((text) => text.startsWith("junk"));
    await until([alice, carol], () => hasRefused(alice) && hasRefused(carol));
    await mallory.messenger.close();
    await commits(1, [alice, carol], [a, c]);
  };
  const copy = await copyOf(m.group, "mallory", signer);
  const other = await copyOf(m.group, "mallory", signer);
  line.service = world.connect("mallory", signer.publicKey);
  return { alice, carol, mallory, zed, a, c, copy, other, disturb };
}

/** Commits elsewhere until Carol has come, too. */
async function callBack(alice: Someone, a: Conversation, c: Conversation) {
  while (c.epoch !== a.epoch) {
    await commits(1, [alice], [a]);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** An insider publishes the GroupInfo of a way that nobody else has seen, and Carol's log has expired. */
async function ledAway(
  line: Line,
  { alice, carol, a, c }: { alice: Someone; carol: Someone; a: Conversation; c: Conversation },
  copy: Awaited<ReturnType<typeof copyOf>>,
  add: readonly Uint8Array[] = [],
) {
  await carol.messenger.close();
  const staged = await copy.commit({ forcePath: true, add });
  const welcome = staged.welcomes[0]?.welcome;
  line.groupInfo = await staged.groupInfo();
  await staged.merge();
  await commits(5, [alice], [a]);
  line.isExpired = true;
  const again = await carol.reopen({ limits: { proposalWait: 20 } });
  await until([again], () => isBack(again));
  return { again, c2: again.messenger.conversation(c.id) as Conversation, welcome };
}

/** Alice and Carol; Zed isn't in their group. */
async function two(line: Line) {
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: NEVER });
  const [alice, carol, zed] = (await world.people("alice", "carol", "zed")) as Three<Someone>;
  const [a, c] = (await together([alice, carol])) as [Conversation, Conversation];
  await carol.messenger.settled();
  return { alice, carol, zed, a, c };
}

/** Carol is told that what followed isn't kept. */
async function joinsAgain(line: Line, carol: Someone, { id }: Conversation) {
  await carol.messenger.close();
  line.isExpired = true;
  const again = await carol.reopen();
  await until([again], () => isBack(again));
  const conversation = again.messenger.conversation(id) as Conversation;
  await until([again], () => conversation.state === "active");
  return { carol: again, conversation };
}

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
