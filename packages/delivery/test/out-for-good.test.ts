// RFC 9750 §5.2: who learns only from a GroupInfo that it was removed: where it was, and where an insider says so.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { commits, isBack, Line, NEVER } from "./support/led.js";
import { spoilt, submitJunk } from "./support/mallory.js";
import { copyOf, isNamed, Schemer } from "./support/outlaw.js";
import { agree, crypto, names, type Someone, SUITE, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

/** It is believed late: after minutes, by default. */
const PATIENT = { longestWait: 30_000 };

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

it.each(["anybody", "nobody"])(
  "nobody is out for good by what an insider makes up, where %s may remove others",
  async (who) => {
    const world = new World({ members: "unchecked", engine: PATIENT });
    const signer = await generateSigner(crypto, SUITE);
    const honest = await world.people("alice", "bob", "carol", "dave");
    const mallory = await world.person("mallory", { signer });
    await mallory.messenger.settled();
    const all = (await together([...honest, mallory])) as Conversation[];
    await agree([...honest, mallory], all);
    const copy = await copyOf(all.at(-1)?.group, "mallory", signer);
    await mallory.messenger.close();
    const policy =
      who === "anybody"
        ? {}
        : {
            authorize: (action: {
              kind: string;
              after?: { members: unknown[] };
              before?: { members: unknown[] };
            }) => (action.after?.members.length ?? 0) >= (action.before?.members.length ?? 0),
          };
    const people = await Promise.all(honest.map((one) => one.reopen({ policy: policy as never })));
    for (const one of people) await one.messenger.settled();
    const id = all[0]?.id ?? "";
    const theirs = people.map(({ messenger }) => messenger.conversation(id) as Conversation);
    const service = world.connect("mallory", signer.publicKey);
    // Nobody else knows of it, and all refuse what is committed on top of it.
    await (
      await copy.commit({ forcePath: true, remove: isNamed(...honest.map(({ name }) => name)) })
    ).merge();
    for (let i = 0; i < 12; i++) {
      await (await Schemer.at(service, copy)).fork(1);
      await pause(50);
    }
    await theirs[0]?.update();
    await agree(people, theirs);
    expect(theirs.map(({ members }) => members.length)).toEqual([5, 5, 5, 5]);
  },
);

it.each([30_000, 100])(
  "nobody is out for good because one of the others was led elsewhere; with waits of %s ms",
  async (longestWait) => {
    const line = new Line();
    const world = new World({ members: "unchecked", wrap: line.wrap, engine: { longestWait } });
    const signer = await generateSigner(crypto, SUITE);
    const honest = (await world.people("alice", "bob", "erin", "carol")) as Someone[];
    const mallory = await world.person("mallory", { signer });
    await mallory.messenger.settled();
    const all = (await together([...honest, mallory])) as Conversation[];
    await agree([...honest, mallory], all);
    const copy = await copyOf(all[4]?.group, "mallory", signer);
    const carol = honest[3] as Someone;
    for (const one of [...honest, mallory]) await one.messenger.settled();
    for (const one of [carol, mallory]) await one.messenger.close();
    const staged = await copy.commit({ forcePath: true, remove: isNamed("alice", "bob", "erin") });
    line.groupInfo = await staged.groupInfo();
    line.isExpired = true;
    const three = all.slice(0, 3);
    await commits(1, honest.slice(0, 3), three);
    const again = await carol.reopen();
    await until([again], () => isBack(again));
    // From now on the service shows what it has. Where she is, Carol's way becomes the longer one, now and then.
    line.groupInfo = undefined;
    const states = () => three.map(({ state }) => state);
    for (let i = 0; i < 40 && !states().includes("removed"); i++) await pause(100);
    expect(states()).not.toContain("removed");
    if (longestWait > 1000) return;
    // It is minutes, by default, before she believes that those are there whom the place where she was led had removed.
    const c = again.messenger.conversation(all[0]?.id ?? "") as Conversation;
    await agree([...honest.slice(0, 3), again], [...three, c]);
    expect(names(c)).toEqual(["alice", "bob", "carol", "erin", "mallory"]);
  },
);

it("nobody is out for good by one GroupInfo, where the service doesn't keep what followed", async () => {
  const line = new Line();
  const world = new World({ members: "unchecked", wrap: line.wrap, engine: { ...NEVER, ...PATIENT } });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, carol] = (await world.people("alice", "carol")) as [Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const people = [alice, carol, mallory];
  const all = (await together(people)) as Conversation[];
  await agree(people, all);
  const copy = await copyOf(all[2]?.group, "mallory", signer);
  for (const one of people) await one.messenger.settled();
  for (const one of [carol, mallory]) await one.messenger.close();
  const staged = await copy.commit({ forcePath: true, remove: isNamed("carol") });
  line.groupInfo = await staged.groupInfo();
  line.isExpired = true;
  const again = await carol.reopen();
  await again.until((one) => one.kind === "problem" && one.problem.message.includes("isn't a member in it"));
  line.groupInfo = undefined;
  const last = await again.reopen();
  const [a, ,] = all as [Conversation];
  const c = last.messenger.conversation(a.id) as Conversation;
  await a.update();
  await agree([alice, last], [a, c]);
});

it("who was removed while it was elsewhere learns it, though somebody is there with it", async () => {
  const cut = new Set(["carol", "dave"]);
  const world = new World({
    members: "unchecked",
    engine: { proposalWait: 600_000 },
    wrap: (service, name) =>
      changed(service, {
        publishGroupInfo: async (...args) => (cut.has(name) ? false : service.publishGroupInfo(...args)),
        groupInfo: async (groupId, options) => {
          const found = await service.groupInfo(groupId, options);
          return found && cut.has(name) ? { ...found, groupInfo: new Uint8Array(9) } : found;
        },
      }),
  });
  const signer = await generateSigner(crypto, SUITE);
  const alice = await world.person("alice");
  const mallory = await world.person("mallory", { signer });
  const [carol, dave, bob] = (await world.people("carol", "dave", "bob")) as [Someone, Someone, Someone];
  await Promise.all([alice, mallory].map(({ messenger }) => messenger.settled()));
  const all = (await together([alice, mallory, carol, dave, bob])) as Conversation[];
  const [a, m, c, d, b] = all as [Conversation, Conversation, Conversation, Conversation, Conversation];
  await agree([alice, mallory, carol, dave, bob], all);
  // Carol and Dave can't take it: they are under the second node of its path.
  await submitJunk(world.connect("mallory", signer.publicKey), m, signer, {
    path: spoilt(1),
    isConfirmed: true,
    beside: "nothing",
  });
  await mallory.messenger.close();
  await until([alice, bob, carol, dave], () => a.epoch > c.epoch && c.state === "active");
  await commits(3, [carol, dave], [c, d]);
  await a.remove(["carol", "dave"]);
  await commits(4, [alice, bob], [a, b]);
  cut.clear();
  for (const one of [c, d]) (await one.send("here")).sent.catch(() => undefined);
  await expect.poll(() => [c.state, d.state], { timeout: 20_000 }).toEqual(["removed", "removed"]);
  await agree([alice, bob], [a, b]);
});
