// RFC 9420 §7.3, §12.4.3.2: members are known by their signature keys. Without `policy.authorize`, nobody takes another one, by whatever way.
import { generateSigner } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { epochKey } from "../src/messenger/epoch-key.js";
import { NEVER } from "./support/led.js";
import { copyOf, isNamed, newId, outlaw, provider, Schemer } from "./support/outlaw.js";
import { agree, crypto, names, type Someone, SUITE, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

/** Anybody may have another key, for all that the application says: MLS asks it. */
const byDefault = { authentication: { validate: () => true } };

/** Alice, Bob, who was removed, and Mallory, and what Mallory does before Alice's next submission. */
async function three() {
  let before: (() => Promise<void>) | undefined;
  const wrap = (service: DeliveryService, name: string) =>
    name !== "alice"
      ? service
      : changed(service, {
          submit: async (...args) => {
            const now = before;
            before = undefined;
            await now?.();
            return service.submit(...args);
          },
        });
  const world = new World({ members: "unchecked", engine: NEVER, wrap });
  const [signer, rex] = [await generateSigner(crypto, SUITE), await generateSigner(crypto, SUITE)];
  const alice = await world.person("alice", byDefault);
  const bob = await world.person("bob", byDefault);
  const mallory = await world.person("mallory", { signer });
  const other = await world.person("rex", { signer: rex });
  const people = [alice, bob, mallory, other];
  for (const one of people) await one.messenger.settled();
  const all = (await together(people)) as Conversation[];
  const [a, b, m] = all as [Conversation, Conversation, Conversation];
  await agree(people, all);
  await a.remove(["rex"]);
  await agree([alice, bob, mallory], [a, b, m]);
  const copy = await copyOf(m.group, "mallory", signer);
  await mallory.messenger.close();
  const service = world.connect("mallory", signer.publicKey);
  const schemer = await Schemer.at(service, copy);
  const late = (deed: () => Promise<void>) => {
    before = deed;
  };
  return { alice, bob, a, b, copy, schemer, service, rex, late };
}

const keysOf = ({ members }: Conversation) => members.map(({ signatureKey }) => Buffer.from(signatureKey));

/** Takes Mallory's place by an external commit, with another key. */
async function takeOwnPlace(service: DeliveryService, { groupId }: Conversation): Promise<string> {
  const published = await service.groupInfo(groupId);
  if (published === undefined) throw new Error("expected a GroupInfo");
  const { group } = await joinByExternalCommit(await outlaw("mallory"), published.groupInfo, {
    resync: isNamed("mallory"),
  });
  const [staged] = group.staged;
  if (staged === undefined) throw new Error("expected a commit");
  const answer = await service.submit({
    ...{ id: newId(), groupId, epoch: staged.epoch - 1n, after: published.handshake },
    ...{ message: staged.commit, groupInfo: await staged.groupInfo(), welcomes: [] },
    nextKey: await epochKey(provider, staged.epoch, staged),
  });
  return answer.kind;
}

const hasRefused = ({ events }: Someone) =>
  events.some((one) => one.kind === "problem" && one.problem.code === "junk");

it.each(["a commit", "an external commit"])(
  "who is removed is gone, though it takes another key by %s",
  async (way) => {
    const { alice, a, schemer, service, late } = await three();
    late(async () => {
      if (way === "a commit")
        await schemer.fork(1, { identity: { signer: await generateSigner(crypto, SUITE) } });
      else expect(await takeOwnPlace(service, a)).toBe("accepted");
    });
    const mallory = a.members.find(({ user }) => user === "mallory");
    if (mallory === undefined) throw new Error("expected Mallory");
    await a.remove([mallory]);
    expect(names(a)).toEqual(["alice", "bob"]);
    expect(hasRefused(alice)).toBe(true);
  },
);

it("the key of somebody who was removed isn't back in another's place", async () => {
  const { alice, bob, a, b, schemer, rex } = await three();
  const before = keysOf(a);
  await schemer.fork(1, { identity: { signer: rex } });
  await until([alice, bob], () => hasRefused(alice) && hasRefused(bob));
  expect(keysOf(a)).toEqual(before);
  await a.update();
  await agree([alice, bob], [a, b]);
  expect(keysOf(a)).toEqual(before);
});

it("who proposes another key for itself isn't given it", async () => {
  const { alice, bob, a, b, copy, schemer } = await three();
  const before = keysOf(a);
  const proposal = await copy.propose({ update: { signer: await generateSigner(crypto, SUITE) } });
  await schemer.send(proposal as never);
  for (const one of [a, b]) await (await one.send("before")).sent;
  await a.update();
  await agree([alice, bob], [a, b]);
  expect(keysOf(a)).toEqual(before);
});
