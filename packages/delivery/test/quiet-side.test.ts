// RFC 9420 §14: of two sides of a group, one says nothing for a long time, and is the longer one in the end.
import { generateSigner } from "@copse/core";
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { spoilt, submitJunk } from "./support/mallory.js";
import { agree, crypto, type Someone, SUITE, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const texts = ({ events }: Someone): string[] =>
  events.flatMap((one) => (one.kind === "message" ? [one.entry.text] : []));

/** After so many commits of others that were taken in a row, those that were refused no longer count. */
const MOST_HEARD = 8;

it("what one side said is said again to the other, however long that was quiet", async () => {
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
  const [a, m, c, d, b] = (await together([alice, mallory, carol, dave, bob])) as Conversation[];
  const people = [alice, bob, carol, dave];
  const all = [a, b, c, d] as [Conversation, Conversation, Conversation, Conversation];
  await agree([...people, mallory], [...all, m as Conversation]);
  // Carol and Dave can't take it: they are under the second node of its path.
  await submitJunk(world.connect("mallory", signer.publicKey), m as Conversation, signer, {
    path: spoilt(1),
    isConfirmed: true,
    beside: "nothing",
  });
  await mallory.messenger.close();
  const [aa, bb, cc, dd] = all;
  const commits = async (count: number, who: readonly Someone[], side: readonly Conversation[]) => {
    for (let i = 0; i < count; i++) {
      const one = side[i % side.length] as Conversation;
      const { epoch } = one;
      await one.update();
      await until(who, () => side.every(({ epoch: now }) => now > epoch));
    }
  };
  await until(people, () => all.every(({ state }) => state === "active") && aa.epoch > cc.epoch);
  for (const name of ["alice", "bob"]) cut.add(name);
  await commits(2, [carol, dave], [cc, dd]);
  for (const [i, one] of [cc, dd].entries()) await (await one.send(`said apart by ${i}`)).sent;
  await commits(2 * MOST_HEARD + 2, [carol, dave], [cc, dd]);
  for (const one of [cc, dd]) await (await one.send(`heard in epoch ${one.epoch}`)).sent;
  await commits(2 * MOST_HEARD + 8, [alice, bob], [aa, bb]);
  expect(aa.epoch).toBeGreaterThan(cc.epoch);
  cut.clear();
  await aa.update();
  await agree(people, all);
  await until(people, () =>
    people.every((one) => ["0", "1"].every((i) => texts(one).includes(`said apart by ${i}`))),
  );
});
