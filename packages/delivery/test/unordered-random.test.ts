// Groups where nobody orders commits, at random: parted and together, with commits and messages at once, and restarts in the middle.
import { settleBranches } from "@copse/delivery/unordered";
import { expect, it } from "vitest";
import { agree, conversationOf, problems, type Someone, said, together, World } from "./support/people.js";
import { Relay } from "./support/relay.js";
import { randomFrom } from "./support/unreliable.js";

const NAMES = ["alice", "bob", "carol", "dave", "erin"];
const ROUNDS = 3;
const world = new World();

const settled = (people: readonly Someone[]) =>
  Promise.all(people.map(({ messenger }) => messenger.settled()));

it("all end in the same epoch, and have heard everything once", async () => {
  const random = randomFrom(7919);
  // Most commits come after others were taken: they are changed for them.
  const relay = new Relay({ spread: 60, twice: 0.2 }, random);
  const settle = settleBranches({ after: 10, epochs: 16 });
  const people = await Promise.all(
    NAMES.map((name) =>
      world.person(name, { settle, delivery: ({ signatureKey }) => relay.connect(name, signatureKey) }),
    ),
  );
  await settled(people);
  const all = await together(people);
  const texts: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const cut = Math.floor(random() * NAMES.length);
    if (cut > 0) relay.part(NAMES.slice(0, cut), NAMES.slice(cut));
    await Promise.all(
      all.map(async (one, i) => {
        for (let n = 0; n < 2; n++) {
          // It may still be made anew after a restart.
          if (random() < 0.25) one.update().catch(() => undefined);
          texts.push(`${NAMES[i]}: ${round} ${n}`);
          const { sent } = await one.send(`${round} ${n}`);
          if (random() < 0.3) await sent;
        }
      }),
    );
    const who = Math.floor(random() * NAMES.length);
    people[who] = await (people[who] as Someone).reopen();
    all[who] = await conversationOf(people[who], all[0]?.id as string);
    relay.heal();
  }
  await settled(people);
  await agree(people, all);
  await settled(people);
  for (const one of all) expect((await said(one)).sort()).toEqual([...texts].sort());
  expect(people.flatMap(problems)).toEqual([]);
});
