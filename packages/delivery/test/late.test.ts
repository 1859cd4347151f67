// RFC 9750 §5.2: what a GroupInfo alone says, that a client was removed or that somebody is back who was, is believed late: when it was
// seen for four of the longest waits, and nobody is heard who is said to be there.
import { type Conversation, DeliveryError } from "@copse/delivery";
import { expect, it } from "vitest";
import { pause, tell, withMallory } from "./support/insider.js";
import { isBack, Line, NEVER } from "./support/led.js";
import { isNamed, Schemer } from "./support/outlaw.js";
import { agree, names, type Someone, SUITE } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const WAIT = 500;
/** What somebody says doesn't matter here. */
const says = (one: Conversation) =>
  void one
    .send("hi")
    .then(({ sent }) => sent)
    .catch(() => undefined);
const isTold = (one: Someone, text: string) =>
  one.until((event) => event.kind === "problem" && event.problem.message.includes(text));

/** Alice, Bob and Carol, Mallory, and Rex, whom they have removed. */
async function withoutRex(longestWait: number) {
  const line = new Line();
  const options = { wrap: line.wrap, engine: { ...NEVER, longestWait } };
  const insider = await withMallory(["alice", "bob", "carol", "rex"], options);
  const { people, all, copy, service } = insider;
  people.pop();
  all.pop();
  await all[0]?.remove(["rex"]);
  await agree(people, all);
  for (const { messenger } of people) await messenger.settled();
  await (await Schemer.at(service, copy)).readAll();
  /** Rex' key packages: it is back where they are added. */
  const rex = () => service.claimKeyPackages("rex", SUITE);
  return { ...insider, line, rex };
}

it("who hears those who are said to be there stays in, though somebody is back there", async () => {
  const { people, all, copy, service, line, rex } = await withoutRex(100);
  const carol = people[2] as Someone;
  await (await copy.commit({ forcePath: true, remove: isNamed("carol"), add: await rex() })).merge();
  line.groupInfo = await copy.groupInfo();
  await (await Schemer.at(service, copy)).fork(3);
  await isTold(carol, "somebody is a member in it who was removed");
  for (let i = 0; i < 60; i++) {
    for (const one of all) says(one);
    await pause(20);
  }
  expect(all.map(({ state }) => state)).not.toContain("removed");
});

it.each(["that it is out", "that somebody is back"])(
  "a client doesn't believe at once %s, because it has seen that once, long ago",
  async (what) => {
    const { people, all, copy, service, line, rex } = await withoutRex(WAIT);
    const isOut = what === "that it is out";
    const [, b, c] = all as [Conversation, Conversation, Conversation];
    await (
      await copy.commit({
        forcePath: true,
        ...(isOut ? { remove: isNamed("bob", "carol") } : { add: await rex() }),
      })
    ).merge();
    const carol = people[2] as Someone;
    await carol.messenger.close();
    line.groupInfo = await copy.groupInfo();
    line.isExpired = true;
    const again = await carol.reopen();
    const c2 = again.messenger.conversation(c.id) as Conversation;
    await isTold(again, isOut ? "this client isn't a member in it" : "who was removed");
    line.groupInfo = undefined;
    // She reads on, for a long time.
    for (let i = 0; i < 5; i++) {
      await tell(`${i}`, b, [again]);
      await pause(WAIT);
    }
    for (let i = 0; i < 2; i++) await (await copy.commit({ forcePath: true })).merge();
    line.groupInfo = await copy.groupInfo();
    await (await Schemer.at(service, copy)).fork(3);
    await pause(2 * WAIT);
    expect(c2.state).not.toBe("removed");
    expect(isBack(again)).toBe(false);
    expect(names(c2)).toEqual(["alice", "bob", "carol", "mallory"]);
  },
);

it("who was removed learns it, though it is opened for a short time, again and again", async () => {
  let isExpired = false;
  const { people, all } = await withMallory(["alice", "bob", "carol"], {
    engine: { ...NEVER, longestWait: 100 },
    wrap: (service, name) =>
      changed(service, {
        subscribe: (options) => {
          if (isExpired && name === "carol") throw new DeliveryError("expired", "what followed isn't kept");
          return service.subscribe(options);
        },
      }),
  });
  const [a, , c] = all as [Conversation, Conversation, Conversation];
  let carol = people[2] as Someone;
  await carol.messenger.close();
  isExpired = true;
  await a.remove(["carol"]);
  const state = () => carol.messenger.conversation(c.id)?.state;
  for (let i = 0; i < 8 && state() !== "removed"; i++) {
    carol = await carol.reopen();
    await pause(200);
  }
  expect(state()).toBe("removed");
});
