// Welcomes: shown before they are accepted, kept over a restart, used once; and the key packages that they need.
import { memoryStorage } from "@copse/core/storage";
import { DeliveryError, type DeliveryService, type Invitation } from "@copse/delivery";
import { expect, it } from "vitest";
import {
  agree,
  conversationOf,
  heard,
  isRemoved,
  names,
  problems,
  type Someone,
  said,
  together,
  until,
  World,
} from "./support/people.js";

const asked = { accept: () => undefined };

it("shows an invitation before it is accepted, also after a restart, and what is in it is right", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  let bob = await world.person("bob", asked);
  await bob.messenger.settled();
  const a = await alice.messenger.start(["bob"], { name: "Birds" });
  await (await a.send("before he joins")).sent;
  await bob.until(({ kind }) => kind === "invitation");
  bob = await bob.reopen();
  const [invitation] = bob.messenger.invitations as [Invitation];
  expect(invitation).toMatchObject({ name: "Birds", by: { user: "alice" }, conversationId: a.id });
  expect(invitation.members.map(({ user, own }) => [user, own])).toEqual([
    ["alice", false],
    ["bob", true],
  ]);
  const mine = a.members.find(({ user }) => user === "bob");
  expect(await invitation.safetyNumber(invitation.by)).toBe(await a.safetyNumber(mine));
  expect(await invitation.safetyNumber()).toBe(await a.safetyNumber());
  const b = await invitation.accept();
  expect(bob.messenger.invitations).toEqual([]);
  await heard(bob, b, 1);
  expect(await said(b)).toEqual(["alice: before he joins"]);
  await expect(invitation.accept()).rejects.toMatchObject({ code: "gone" });
  expect([alice, bob].flatMap(problems)).toEqual([]);
});

it("forgets one that is declined", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  let bob = await world.person("bob", asked);
  await bob.messenger.settled();
  const a = await alice.messenger.start(["bob"]);
  await bob.until(({ kind }) => kind === "invitation");
  const [invitation] = bob.messenger.invitations as [Invitation];
  await invitation.decline();
  bob = await bob.reopen();
  expect(bob.messenger.invitations).toEqual([]);
  expect(bob.messenger.conversations).toEqual([]);
  expect(names(a)).toEqual(["alice", "bob"]);
});

it("goes on with the history of who was removed and is invited again", async () => {
  const people = await new World().people("alice", "bob");
  const [alice, bob] = people as [Someone, Someone];
  const [a, b] = (await together(people)) as [C, C];
  await (await a.send("one")).sent;
  await heard(bob, b, 1);
  await a.remove(["bob"]);
  await bob.until(isRemoved);
  await (await a.send("not for Bob")).sent;
  expect(await said(b)).toEqual(["alice: one"]);
  await a.invite(["bob"]);
  await until([bob], () => bob.messenger.conversation(a.id) !== b);
  const again = bob.messenger.conversation(a.id) as C;
  await agree(people, [a, again]);
  await (await a.send("two")).sent;
  await heard(bob, again, 2);
  expect(await said(again)).toEqual(["alice: one", "alice: two"]);
  expect(problems(alice)).toEqual([]);
});

it("publishes key packages anew as they are used, and one of last resort for all that come after", async () => {
  const world = new World({ engine: { keyPackages: 2 } });
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const service = world.connect("bob", bob.messenger.client.signatureKey);
  await bob.messenger.close();
  // While he is away only two are there; the others get the one of last resort.
  const begun = await Promise.all(Array.from({ length: 4 }, () => alice.messenger.start(["bob"])));
  expect(await service.countKeyPackages(1)).toMatchObject({ single: 0, lastResort: 1 });
  const again = await bob.reopen();
  await until([again], () => again.messenger.conversations.length === 4);
  for (const one of begun) await agree([alice, again], [one, await conversationOf(again, one.id)]);
  await again.messenger.settled();
  expect(await service.countKeyPackages(1)).toEqual({ single: 2, lastResort: 1 });
  expect(problems(again)).toEqual([]);
});

it("publishes as many key packages as the service keeps", async () => {
  const world = new World({ limits: { keyPackages: 7 } });
  const [alice] = (await world.people("alice")) as [Someone];
  const service = world.connect("alice", alice.messenger.client.signatureKey);
  const { single, lastResort } = await service.countKeyPackages(1);
  expect(single).toBeGreaterThan(2);
  expect(lastResort).toBe(1);
  expect(alice.messenger.client.keyPackages()).toHaveLength(single + lastResort);
  expect(problems(alice)).toEqual([]);
});

it("makes one key package of last resort, however often it can't be published", async () => {
  let failures = 5;
  const wrap = (service: DeliveryService): DeliveryService => {
    const publish = service.publishKeyPackages.bind(service);
    service.publishKeyPackages = async (...args) => {
      if (failures-- > 0) throw new DeliveryError("unavailable", "the line is bad");
      await publish(...args);
    };
    return service;
  };
  const [alice] = (await new World({ wrap }).people("alice")) as [Someone];
  expect(failures).toBeLessThan(0);
  const own = alice.messenger.client.keyPackages();
  expect(own.filter(({ lastResort }) => lastResort)).toHaveLength(1);
});

it("can be invited after its storage was lost: what the service has of before is withdrawn", async () => {
  const world = new World();
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const again = await bob.reopen({ storage: memoryStorage() });
  await again.messenger.settled();
  const a = await alice.messenger.start(["bob"]);
  await agree([alice, again], [a, await conversationOf(again, a.id)]);
  expect(problems(again)).toEqual([]);
});

it("shows a second invitation to a group by the same key package, of last resort", async () => {
  const world = new World({ engine: { keyPackages: 1 } });
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", asked);
  await bob.messenger.settled();
  await bob.messenger.close();
  // It takes the only one that isn't of last resort.
  await alice.messenger.start(["bob"], { name: "Owls" });
  const a = await alice.messenger.start(["bob"], { name: "Birds" });
  await a.remove(["bob"]);
  await a.invite(["bob"]);
  const again = await bob.reopen();
  await again.messenger.settled();
  const invitations = again.messenger.invitations.filter(({ name }) => name === "Birds");
  expect(invitations.map(({ conversationId }) => conversationId)).toEqual([a.id, a.id]);
  const b = await (invitations[1] as Invitation).accept();
  await agree([alice, again], [a, b]);
  expect(problems(again)).toEqual([]);
});

it("tells of an invitation that it can't read any more, and joins without it", async () => {
  const world = new World();
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  await bob.messenger.close();
  const a = await alice.messenger.start(["bob"]);
  const again = await bob.reopen({ storage: memoryStorage() });
  await again.messenger.settled();
  expect(problems(again).filter((one) => one.startsWith("dropped: an invitation is lost"))).toHaveLength(1);
  const b = await again.messenger.join(a.id);
  await agree([alice, again], [a, b]);
  expect(names(a)).toEqual(["alice", "bob"]);
});

it("has everybody get every invitation, though all are invited at once while devices come and go", async () => {
  const world = new World({ engine: { keyPackages: 2 } });
  const users = ["alice", "bob", "carol"];
  const all = [...users, ...users].map((name) => world.person(name, { storage: memoryStorage() }));
  const devices = await Promise.all(all);
  await Promise.all(devices.map(({ messenger }) => messenger.settled()));
  const inviting = devices.slice(0, 3).map(async ({ messenger, name }, i) => {
    const others = users.filter((one) => one !== name);
    const begun = await messenger.start(others);
    // The other device of the same user.
    const late = devices[3 + i] as Someone;
    const [again, second] = await Promise.all([late.reopen(), messenger.start(others)]);
    devices[3 + i] = again;
    return [begun, second].map(({ id }) => ({ id, others }));
  });
  const begun = (await Promise.all(inviting)).flat();
  await Promise.all(
    devices.map((one) =>
      until([one], () =>
        begun.every(
          ({ id, others }) =>
            !others.includes(one.name) || one.messenger.conversation(id)?.state === "active",
        ),
      ),
    ),
  );
  expect(devices.flatMap(problems)).toEqual([]);
});

it("takes no Welcome that was used, or that is for another client", async () => {
  const welcomes: Uint8Array[] = [];
  const world = new World({
    wrap: (service) =>
      new Proxy(service, {
        get(target, name: keyof typeof service) {
          if (name !== "inbox")
            return typeof target[name] === "function" ? target[name].bind(target) : target[name];
          return async function* (...args: Parameters<typeof service.inbox>) {
            for await (const batch of target.inbox(...args)) {
              welcomes.push(...batch.entries.map(({ welcome }) => welcome));
              // All that anybody got comes once more, to everybody.
              const more = batch.entries.flatMap((one) =>
                welcomes.map((welcome, i) => ({ ...one, welcome, reference: Uint8Array.of(i) })),
              );
              yield { ...batch, entries: [...batch.entries, ...more] };
            }
          };
        },
      }),
  });
  const people = await world.people("alice", "bob", "carol");
  const all = await together(people);
  await agree(people, all);
  expect(people.map(({ messenger }) => messenger.conversations.length)).toEqual([1, 1, 1]);
  expect(people.map(({ messenger }) => messenger.invitations.length)).toEqual([0, 0, 0]);
});

it("begins nothing with a user who has no key package, or an impostor's", async () => {
  const world = new World();
  const [alice] = (await world.people("alice")) as [Someone];
  await expect(alice.messenger.start(["nobody"])).rejects.toMatchObject({
    code: "unknown-user",
    retry: "later",
  });
  expect(alice.messenger.conversations).toEqual([]);
  // The service says that it is Bob's.
  const service = Object.assign(world.connect("bob", "mallory"), { user: "mallory" });
  const mallory = await world.person("mallory", { delivery: () => service });
  await mallory.messenger.settled();
  await expect(alice.messenger.start(["bob"])).rejects.toMatchObject({ code: "unknown-user" });
  expect(problems(alice).join()).toContain('expected a key package of "bob", got another user\'s');
  const again = await alice.reopen();
  expect(again.messenger.conversations).toEqual([]);
});

it("has two devices of a user in a conversation", async () => {
  const world = new World();
  const [alice, phone] = (await world.people("alice", "bob")) as [Someone, Someone];
  const laptop = await world.person("bob", { storage: memoryStorage() });
  await laptop.messenger.settled();
  const a = await alice.messenger.start(["bob"]);
  const all = [a, await conversationOf(phone, a.id), await conversationOf(laptop, a.id)];
  await agree([alice, phone, laptop], all);
  expect(names(a)).toEqual(["alice", "bob", "bob"]);
  await (await (all[1] as C).send("from the phone")).sent;
  expect(await heard(laptop, all[2] as C, 1)).toEqual(["bob: from the phone"]);
  await a.remove(["bob"]);
  await until([alice], () => names(a).length === 1);
});

type C = Awaited<ReturnType<typeof together>>[number];

it("has room for others' invitations when one user has filled half of it", async () => {
  const world = new World();
  const [alice, mallory] = (await world.people("alice", "mallory")) as [Someone, Someone];
  const bob = await world.person("bob", { ...asked, limits: { invitations: 10 } });
  await bob.messenger.settled();
  for (let i = 0; i < 8; i++) await mallory.messenger.start(["bob"]);
  const a = await alice.messenger.start(["bob"]);
  await until([bob], () => bob.messenger.invitations.some(({ conversationId }) => conversationId === a.id));
  expect(bob.messenger.invitations.map(({ by }) => by.user)).toEqual([...Array(5).fill("mallory"), "alice"]);
  const dropped = bob.events.flatMap((one) =>
    one.kind === "problem" && one.problem.code === "dropped" ? [one.problem.who?.user] : [],
  );
  expect(dropped).toEqual(["mallory", "mallory", "mallory"]);
});
