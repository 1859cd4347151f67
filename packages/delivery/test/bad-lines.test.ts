// Bad connections: calls that fail, also after they were made, subscriptions that break, entries that come twice or before
// those that they follow; and a service that restarts.
import { expect, it } from "vitest";
import { agree, conversationOf, heard, names, said, together, until, World } from "./support/people.js";
import { randomFrom, unreliable } from "./support/unreliable.js";

it.each([1, 2, 3])(
  "loses nothing, repeats nothing and keeps the order on bad lines (seed %i)",
  async (seed) => {
    const random = randomFrom(seed);
    const line = { breaks: 0, mixes: 0 };
    const world = new World({ wrap: (service) => unreliable(service, line, random) });
    const people = await world.people("alice", "bob", "carol");
    const [dave] = await world.people("dave");
    const all = await together(people);
    Object.assign(line, { breaks: 0.2, mixes: 0.4 });
    const COUNT = 10;
    await Promise.all(
      all.flatMap((one, who) => [
        (async () => {
          for (let i = 0; i < COUNT; i++) await one.send(`${who} ${i}`);
        })(),
        one.update(),
      ]),
    );
    await all[0]?.invite(["dave"]);
    for (const [i, one] of people.entries()) {
      const here = await heard(one, all[i] as (typeof all)[0], 3 * COUNT);
      expect(new Set(here).size).toBe(3 * COUNT);
      for (let who = 0; who < 3; who++) {
        const from = here.flatMap((text) => (text.includes(`: ${who} `) ? [text.split(" ").at(-1)] : []));
        expect(from).toEqual(Array.from({ length: COUNT }, (_, n) => `${n}`));
      }
    }
    const d = await conversationOf(dave as (typeof people)[0], all[0]?.id as string);
    await agree([...people, dave as (typeof people)[0]], [...all, d]);
    expect(names(d)).toEqual(["alice", "bob", "carol", "dave"]);
  },
);

it("goes on when the service was away, with what was sent meanwhile", async () => {
  const world = new World();
  const people = await world.people("alice", "bob");
  const all = await together(people);
  const [alice, bob] = people as [(typeof people)[0], (typeof people)[0]];
  const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
  world.delivery.pause();
  await until(people, () => people.every(({ messenger }) => !messenger.connected));
  const sent = [await a.send("one"), await b.send("two"), await a.send("three")];
  expect(a.outbox().map(({ text }) => text)).toEqual(["one", "three"]);
  const update = a.update();
  world.delivery.restart();
  await Promise.all(sent.map((one) => one.sent));
  await update;
  await heard(alice, a, 3);
  await heard(bob, b, 3);
  expect(await said(a)).toEqual(await said(b));
  expect(a.outbox()).toEqual([]);
});
