// RFC 9750 §5.2, §7: the service, outsiders and former members can't lead a client into another group than the one it was in.
import { type Group, generateSigner } from "@copse/core";
import { type Conversation, DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { copyOf, outlaw, provider, Schemer } from "./support/outlaw.js";
import {
  agree,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";
import { changed } from "./support/unreliable.js";

const isRefusal = (text: string) => text.includes("isn't one to join the group by");

/** A group of these and of Mallory, whose messenger is closed, with the group as Mallory has it. */
async function withMallory(world: World, ...others: readonly string[]) {
  const signer = await generateSigner(crypto, SUITE);
  const people = await world.people(...others);
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  const copy = await copyOf(all.at(-1)?.group, "mallory", signer);
  await mallory.messenger.close();
  return { people, all: all.slice(0, -1), copy, signer };
}

/** All can speak, and are heard by the others alone. */
async function speak(people: readonly Someone[], all: readonly Conversation[], schemer: Schemer) {
  for (const [i, one] of all.entries()) await (await one.send(`secret ${i}`)).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, all.length);
  await schemer.readAll();
  expect(schemer.read).toEqual([]);
}

/** A world at whose service nobody is checked, and what waits until these have looked at the GroupInfo of a handshake. */
function looking() {
  const seen = new Map<string, Set<string>>();
  let look: () => void = () => undefined;
  const wrap = (service: DeliveryService, name: string) =>
    changed(service, {
      groupInfo: async (groupId, options) => {
        const found = await service.groupInfo(groupId, options);
        const { handshake = "" } = found ?? {};
        seen.set(handshake, (seen.get(handshake) ?? new Set()).add(name));
        look();
        return found;
      },
    });
  const looked = (people: readonly Someone[], handshake: string) =>
    new Promise<void>((resolve) => {
      look = () => people.every(({ name }) => seen.get(handshake)?.has(name)) && resolve();
      look();
    });
  // Nobody commits by itself before all have looked.
  return { world: new World({ members: "unchecked", wrap, engine: { proposalWait: 600_000 } }), looked };
}

it("passes over an outsider's group with the same ID, and every handshake of it", async () => {
  const { world, looked } = looking();
  const people = await world.people("alice", "bob", "carol");
  const all = await together(people);
  await all[0]?.update();
  await agree(people, all);
  const service = world.connect("mallory", "mallory");
  const group = await (await outlaw("mallory")).createGroup({ groupId: all[0]?.groupId as Uint8Array });
  const claimed = await Promise.all(people.map(({ name }) => service.claimKeyPackages(name, SUITE)));
  const schemer = await Schemer.at(service, group);
  await schemer.fork(4, { add: claimed.map(([first]) => first as Uint8Array) });
  await looked(people, schemer.after);
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  await Promise.all(all.map((one) => one.update()));
  await agree(people, all);
  await speak(people, all, schemer);
  for (const one of all) expect(names(one)).toEqual(["alice", "bob", "carol"]);
  // Each is told that there is such a group, and nobody joins it.
  const told = people.flatMap(problems).filter((text) => text.startsWith("rejoined"));
  expect(told.filter((text) => !isRefusal(text))).toEqual([]);
});

it("passes over the fork of a member that was removed", async () => {
  const { world, looked } = looking();
  const { people, all, copy } = await withMallory(world, "alice", "bob", "carol");
  await all[0]?.remove(["mallory"]);
  await agree(people, all);
  const schemer = await Schemer.at(world.connect("mallory", "mallory"), copy);
  await schemer.fork(4);
  await looked(people, schemer.after);
  await Promise.all(people.map(({ messenger }) => messenger.settled()));
  await Promise.all(all.map((one) => one.update()));
  await agree(people, all);
  await speak(people, all, schemer);
  for (const one of all) expect(names(one)).toEqual(["alice", "bob", "carol"]);
});

it.each([false, true])(
  "isn't led back before a removal by the service; its state is lost: %s",
  async (isLost) => {
    let old: Uint8Array | undefined;
    const told: string[] = [];
    const wrap = (service: DeliveryService, name: string) =>
      name !== "alice"
        ? service
        : changed(service, {
            subscribe: (options) => {
              if (old === undefined) return service.subscribe(options);
              throw new DeliveryError("expired", "what followed isn't kept");
            },
            groupInfo: async (groupId, options) => {
              const found = await service.groupInfo(groupId, options);
              return found && old ? { ...found, groupInfo: old } : found;
            },
            submit: async (handshake, options) => {
              told.push(`${old === undefined}`);
              return service.submit(handshake, options);
            },
          });
    const { people, all, copy } = await withMallory(
      new World({ members: "unchecked", wrap }),
      "alice",
      "bob",
    );
    const [alice, bob] = people as [Someone, Someone];
    const [a, b] = all as [Conversation, Conversation];
    const before = await copy.groupInfo();
    await a.remove(["mallory"]);
    await agree(people, all);
    await alice.messenger.settled();
    told.length = 0;
    old = before;
    await alice.messenger.close();
    if (isLost) await forget(alice, a.group);
    const again = await alice.reopen();
    const c = again.messenger.conversation(a.id) as Conversation;
    await until([again], () => problems(again).some(isRefusal));
    expect(c.state).not.toBe("active");
    expect(told).toEqual([]);
    // It is told once, and the right one is taken as soon as it is there.
    old = undefined;
    await agree([again, bob], [c, b]);
    expect(problems(again).filter(isRefusal)).toHaveLength(1);
    await (await c.send("hello")).sent;
    expect(names(c)).toEqual(["alice", "bob"]);
  },
);

/** Deletes what the storage has of a group. */
async function forget({ storage }: Someone, group: Group | undefined) {
  if (group === undefined) return;
  const id = Buffer.from(group.groupId).toString("hex");
  const all = await storage.list("");
  const keys = all.map(({ key }) => key).filter((key) => key.includes(id) && !key.startsWith("app/"));
  await storage.write(keys.map((key) => ({ key, value: undefined })) as never, [] as never);
}

it("shows who came and went while a client was away and had to join anew", async () => {
  let isGone = false;
  const wrap = (service: DeliveryService, name: string) =>
    name !== "carol"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!isGone) return service.subscribe(options);
            isGone = false;
            throw new DeliveryError("expired", "what followed isn't kept");
          },
        });
  const world = new World({ wrap });
  const people = await world.people("alice", "bob", "carol", "dave");
  const [erin] = (await world.people("erin")) as [Someone];
  const all = await together(people);
  await agree(people, all);
  const [a, , c] = all as [Conversation, Conversation, Conversation];
  const carol = people[2] as Someone;
  await carol.messenger.close();
  await a.remove(["dave"]);
  await a.invite(["erin"]);
  await erin.until(({ kind }) => kind === "conversation");
  // Someone whom Carol knows signs the newest GroupInfo.
  await a.update();
  isGone = true;
  const again = await carol.reopen();
  const told = await again.until((one) => one.kind === "members");
  expect(told).toMatchObject({
    entry: {
      added: [{ user: "erin" }],
      removed: [{ user: "dave" }],
      rejoined: [{ user: "carol", own: true }],
    },
  });
  const conversation = again.messenger.conversation(c.id) as Conversation;
  expect(names(conversation)).toEqual(["alice", "bob", "carol", "erin"]);
  expect((await conversation.history()).filter(({ kind }) => kind === "members").at(-1)).toEqual(
    (told as { entry: unknown }).entry,
  );
});

it("follows members who have added somebody again that it has seen removed, after a while", async () => {
  let isGone = false;
  const wrap = (service: DeliveryService, name: string) =>
    name !== "carol"
      ? service
      : changed(service, {
          subscribe: (options) => {
            if (!isGone) return service.subscribe(options);
            throw new DeliveryError("expired", "what followed isn't kept");
          },
        });
  const world = new World({ wrap });
  const people = await world.people("alice", "bob", "carol", "dave");
  const all = await together(people);
  const [a, , c] = all as [Conversation, Conversation, Conversation];
  await a.remove(["dave"]);
  await agree(people.slice(0, 3), all.slice(0, 3));
  const carol = people[2] as Someone;
  await carol.messenger.settled();
  await carol.messenger.close();
  await a.invite(["dave"]);
  isGone = true;
  const again = await carol.reopen();
  await until([again], () => problems(again).some(isRefusal));
  isGone = false;
  const conversation = again.messenger.conversation(c.id) as Conversation;
  await agree([...people.slice(0, 2), again], [...all.slice(0, 2), conversation]);
  expect(problems(again).filter(isRefusal)).toHaveLength(1);
  expect(names(conversation)).toEqual(["alice", "bob", "carol", "dave"]);
});

it("a commit whose key at the service isn't its epoch's, with a GroupInfo that is none, stops nobody", async () => {
  const world = new World();
  const { people, all, copy } = await withMallory(world, "alice", "bob", "carol");
  const schemer = await Schemer.at(
    world.connect("mallory", copy.members[3]?.signatureKey as Uint8Array),
    copy,
  );
  await copy.update();
  const { publicKey } = await provider.hpke.deriveKeyPair(provider.random(32));
  const nextKey = { epoch: copy.epoch + 1n, suite: SUITE, publicKey };
  const junk = { nextKey, groupInfo: provider.random(99) };
  expect(await schemer.submit(await schemer.handshake(junk))).toBe("accepted");
  const before = copy.epoch;
  await until(people, () => all.every(({ epoch }) => epoch > before));
  // Somebody's commit gives the service the key of the next epoch, and the GroupInfo by which clients join.
  await until(people, () => all.every(({ epoch }) => epoch > before + 1n));
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries())
    expect(await heard(one, all[i] as Conversation, 3)).toHaveLength(3);
  await agree(people, all);
  expect(
    people.flatMap((one) => problems(one).filter((text) => text.includes("registered another one"))),
  ).not.toEqual([]);
});
