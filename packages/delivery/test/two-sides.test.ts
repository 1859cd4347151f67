// RFC 9420 §14: two sides of a group, each of several members who take each other's commits and refuse those of the other side.
import { generateSigner } from "@copse/core";
import { type Conversation, DeliveryError } from "@copse/delivery";
import { expect, it } from "vitest";
import { spoilt, submitJunk } from "./support/mallory.js";
import {
  agree,
  crypto,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";
import { changed } from "./support/unreliable.js";

type Four<T> = [T, T, T, T];

/** What somebody was told, by whom. */
const texts = ({ events }: Someone): string[] =>
  events.flatMap((one) => (one.kind === "message" ? [`${one.entry.sender.user}: ${one.entry.text}`] : []));

/** What somebody says, in its order. */
const ORDER = ["said", "waited", "here"];
const whatIs = (text: string): string => text.split(" ")[1] ?? "";

/** How many commits each member makes before anybody is shown where the others are. */
const COMMITS = 3;

it.each([
  [0, "goes on"],
  [1, "goes on"],
  [1, "restarts"],
])(
  "find together again, whichever has the longer way: with %s commits more; who comes back %s",
  async (more, restarts) => {
    const cut = new Set(["carol", "dave"]);
    let isMute = false;
    const world = new World({
      // At a service that knows the members, whoever is alone can't go on for long.
      members: "unchecked",
      engine: { proposalWait: 600_000 },
      wrap: (service, name) =>
        changed(service, {
          publishGroupInfo: async (...args) => (cut.has(name) ? false : service.publishGroupInfo(...args)),
          groupInfo: async (groupId, options) => {
            const found = await service.groupInfo(groupId, options);
            return found && cut.has(name) ? { ...found, groupInfo: new Uint8Array(9) } : found;
          },
          send: async (...args) => {
            if (isMute) throw new DeliveryError("unavailable", "the line is down");
            return service.send(...args);
          },
        }),
    });
    const signer = await generateSigner(crypto, SUITE);
    const alice = await world.person("alice");
    const mallory = await world.person("mallory", { signer });
    const [carol, dave, bob] = (await world.people("carol", "dave", "bob")) as [Someone, Someone, Someone];
    await Promise.all([alice, mallory].map(({ messenger }) => messenger.settled()));
    const [a, m, c, d, b] = await together([alice, mallory, carol, dave, bob]);
    const people: Four<Someone> = [alice, bob, carol, dave];
    const all = [a, b, c, d] as Four<Conversation>;
    await agree([...people, mallory], [...all, m as Conversation]);
    const service = world.connect("mallory", signer.publicKey);
    // Carol and Dave can't take it: they are under the second node of its path.
    await submitJunk(service, m as Conversation, signer, {
      path: spoilt(1),
      isConfirmed: true,
      beside: "nothing",
    });
    await mallory.messenger.close();
    const [, , cc, dd] = all;
    const sides: readonly (readonly [Someone, Conversation][])[] = [
      [
        [alice, all[0]],
        [bob, all[1]],
      ],
      [
        [carol, cc],
        [dave, dd],
      ],
    ];
    /** One of each side commits, and the other one of it takes it. */
    const turn = async (i: number, side: (typeof sides)[number]) => {
      const [, one] = side[i % 2] as [Someone, Conversation];
      const { epoch } = one;
      await one.update();
      await until(
        side.map(([who]) => who),
        () => side.every(([, { epoch: now }]) => now > epoch),
      );
    };
    await until(people, () => all.every(({ state }) => state === "active") && all[0].epoch > cc.epoch);
    // Those of the other side can't read what these say now. Whoever refused the commit says nothing before that is settled.
    for (const [i, one] of all.entries()) {
      const { sent } = await one.send(`said apart by ${people[i]?.name}`);
      if (i < 2) await sent;
    }
    for (const name of ["alice", "bob"]) cut.add(name);
    for (let i = 0; i < 2 * COMMITS; i++) for (const side of sides) await turn(i, side);
    for (let i = 0; i < 2 * more; i++) await turn(i, sides[1] as (typeof sides)[number]);
    expect(all[0].epoch).toBe(all[1].epoch);
    expect(cc.epoch).toBe(dd.epoch);
    const isBack = (one: Someone) => problems(one).join().includes("has joined the group again");
    isMute = restarts === "restarts";
    if (isMute) for (const [i, one] of all.entries()) await one.send(`waited at ${people[i]?.name}`);
    cut.clear();
    // What is said next is all that is new.
    await all[0].update();
    if (isMute) {
      await until(people, () => all.every(({ epoch }) => epoch === all[0].epoch) && people.some(isBack));
      for (const [i, one] of people.entries()) {
        if (!isBack(one)) continue;
        const again = await one.reopen();
        again.events.unshift(...one.events);
        people[i] = again;
        all[i] = again.messenger.conversation((all[i] as Conversation).id) as Conversation;
      }
      isMute = false;
    }
    await agree(people, all);
    for (const one of all) await (await one.send("here")).sent;
    // Who came back says again what it said where the others weren't: all have it, once, and before what it said later.
    const apart = people.filter(isBack).map(({ name }) => `${name}: said apart by ${name}`);
    const here = people.map(({ name }) => `${name}: here`);
    await until(people, () =>
      [...apart, ...here].every((text) => people.every((one) => texts(one).includes(text))),
    );
    expect(apart.length).toBeGreaterThan(0);
    for (const one of people) {
      expect(new Set(texts(one)).size).toBe(texts(one).length);
      for (const { name } of people) {
        const said = texts(one).filter((text) => text.startsWith(name));
        expect(said).toEqual([...said].sort((x, y) => ORDER.indexOf(whatIs(x)) - ORDER.indexOf(whatIs(y))));
      }
    }
    for (const one of all) expect(names(one)).toEqual(["alice", "bob", "carol", "dave", "mallory"]);
  },
);
