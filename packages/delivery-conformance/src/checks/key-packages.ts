// Key packages: each is handed out once, those of last resort come last.
import type { DeliveryService, OfferedKeyPackage } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { keyPackage, type Room, unique } from "../room.js";
import { bytes, fail, has, hex, is, numbers, refused } from "../tools.js";

const named = (packages: readonly OfferedKeyPackage[]) => packages.map((one) => hex(one.keyPackage));

/** Those that a client claims, until there are none or so many. */
async function claimed(client: DeliveryService, user: string, most: number, suite = 1): Promise<string[]> {
  const got: string[] = [];
  while (got.length < most) {
    const some = await client.claimKeyPackages(user, suite);
    if (some.length === 0) break;
    got.push(...some.map(hex));
  }
  return got;
}

async function counts(client: DeliveryService, single: number, lastResort: number, suite = 1): Promise<void> {
  const got = await client.countKeyPackages(suite);
  is(got.single, single, `count of suite ${suite}: single`);
  is(got.lastResort, lastResort, `count of suite ${suite}: lastResort`);
}

/** A client that has published so many, and another one that claims. */
async function published(room: Room, many: number, more: Partial<OfferedKeyPackage> = {}) {
  const [alice, bob] = await room.pair();
  const offered = numbers(many).map((i) => keyPackage(`${i}`, more));
  await alice.publishKeyPackages(offered);
  return { alice, bob, offered, user: room.user("alice") };
}

export const keyPackageChecks: Record<string, Definition> = {
  "key packages: each is handed out once, also to many at once": needing([], async (room) => {
    const { offered, user } = await published(room, 20);
    const clients = await room.connectMany(6);
    const got = await Promise.all(clients.map((client) => claimed(client, user, 5)));
    has(got.flat(), named(offered), "key packages that 6 clients got who claimed 5 each, of 20");
    const late = await Promise.all(clients.map((client) => client.claimKeyPackages(user, 1)));
    is(late.flat().length, 0, "key packages that are handed out when all are gone");
  }),

  "key packages: one of each client of the user": needing([], async (room) => {
    const { bob, offered, user } = await published(room, 2);
    const laptop = await room.connect("alice", "laptop");
    const own = keyPackage("laptop");
    await laptop.publishKeyPackages([own]);
    const all = named([...offered, own]);
    const first = (await bob.claimKeyPackages(user, 1)).map(hex);
    is(first.length, 2, "key packages of a user with two clients");
    if (!first.includes(all[2]!)) fail("expected a key package of each of the user's two clients");
    const second = (await bob.claimKeyPackages(user, 1)).map(hex);
    has([...first, ...second], all, "key packages that were handed out");
  }),

  "key packages: those of last resort come last, again and again": needing([], async (room) => {
    const last = keyPackage("last resort", { lastResort: true });
    const alice = await room.connect("alice");
    await alice.publishKeyPackages([last]);
    const { offered, bob, user } = await published(room, 3);
    has(
      await claimed(bob, user, 3),
      named(offered),
      "the first key packages of three and one of last resort",
    );
    is(
      await claimed(bob, user, 3),
      Array(3).fill(hex(last.keyPackage)),
      "what comes when the others are gone",
    );
    const more = keyPackage("more");
    await alice.publishKeyPackages([more]);
    is(await claimed(bob, user, 2), named([more, last]), "what comes when there is one again");
  }),

  "key packages: of last resort when many claim at once": needing([], async (room) => {
    const { alice, offered, user } = await published(room, 6);
    const last = keyPackage("last resort", { lastResort: true });
    await alice.publishKeyPackages([last]);
    const clients = await room.connectMany(5);
    const got = (await Promise.all(clients.map((client) => claimed(client, user, 2)))).flat();
    const expected = [...named(offered), ...Array(4).fill(hex(last.keyPackage))];
    has(got, expected, "what 5 clients got who claimed two each, of 6 and one of last resort");
  }),

  "key packages: a newer one of last resort takes the place of the older": needing([], async (room) => {
    const { alice, bob, user } = await published(room, 1, { lastResort: true });
    const newer = keyPackage("newer", { lastResort: true });
    await alice.publishKeyPackages([newer]);
    await counts(alice, 0, 1);
    is(await claimed(bob, user, 2), named([newer, newer]), "what is handed out");
  }),

  "key packages: expired ones aren't handed out": needing([], async (room) => {
    const { alice, bob, offered, user } = await published(room, 2);
    const notAfter = BigInt(Math.floor(Date.now() / 1000) - 10);
    for (const lastResort of [false, true]) {
      const expired = alice.publishKeyPackages([keyPackage("expired", { notAfter, lastResort })]);
      // A service may refuse one that has expired already.
      await expired.catch(() => refused(expired, "invalid", "publishKeyPackages"));
    }
    await counts(alice, 2, 0);
    has(await claimed(bob, user, 4), named(offered), "what is handed out");
  }),

  "key packages: suites are apart": needing([], async (room) => {
    const { alice, bob, offered, user } = await published(room, 1);
    const others = [
      keyPackage("of suite 2", { suite: 2 }),
      keyPackage("last", { suite: 2, lastResort: true }),
    ];
    await alice.publishKeyPackages(others);
    await counts(alice, 1, 0, 1);
    await counts(alice, 1, 1, 2);
    is(await claimed(bob, user, 2, 3), [], "what is handed out of suite 3");
    is(await claimed(bob, user, 2, 2), named(others), "what is handed out of suite 2");
    is(await claimed(bob, user, 2, 1), named(offered), "what is handed out of suite 1");
  }),

  "key packages: the count is what is left": needing([], async (room) => {
    const { alice, bob, user } = await published(room, 3);
    await counts(alice, 3, 0);
    await counts(bob, 0, 0);
    await claimed(bob, user, 2);
    await counts(alice, 1, 0);
    await counts(await room.connect("alice"), 1, 0);
    await counts(await room.connect("alice", "laptop"), 0, 0);
  }),

  "key packages: one that is published again is left as it is": needing([], async (room) => {
    const { alice, bob, offered, user } = await published(room, 2);
    await alice.publishKeyPackages(offered);
    await counts(alice, 2, 0);
    has(await claimed(bob, user, 3), named(offered), "what is handed out");
    // As of a call whose answer was lost, after somebody has claimed.
    await alice.publishKeyPackages(offered);
    is(await claimed(bob, user, 1), [], "what is handed out a second time");
  }),

  "key packages: withdrawn ones aren't handed out": needing([], async (room) => {
    const { alice, bob, offered, user } = await published(room, 4);
    const laptop = await room.connect("alice", "laptop");
    const own = keyPackage("laptop");
    await laptop.publishKeyPackages([own]);
    await alice.withdrawKeyPackages([offered[1]!.reference, keyPackage("unknown").reference, own.reference]);
    await counts(alice, 3, 0);
    await counts(laptop, 1, 0);
    const first = (await bob.claimKeyPackages(user, 1)).map(hex);
    if (first.includes(hex(offered[1]!.keyPackage))) fail("one that was withdrawn was handed out");
    await alice.publishKeyPackages([keyPackage("last", { lastResort: true })]);
    await alice.withdrawKeyPackages();
    await counts(alice, 0, 0);
    is(await claimed(bob, user, 1), [], "what is handed out of a client that has withdrawn all");
  }),

  "key packages: all or none are published": needing([], async (room) => {
    const alice = await room.connect("alice");
    const wrong = { ...keyPackage("wrong"), reference: new Uint8Array() };
    await refused(alice.publishKeyPackages([keyPackage("good"), wrong]), "invalid", "publishKeyPackages");
    await counts(alice, 0, 0);
  }),

  "key packages: an unknown user has none": needing([], async (room) => {
    const alice = await room.connect("alice");
    is((await alice.claimKeyPackages(room.user("nobody"), 1)).length, 0, "key packages of an unknown user");
    is((await alice.claimKeyPackages(room.user("alice"), 1)).length, 0, "key packages of one who has none");
  }),

  "key packages: so many of a client and no more": needing(["key package limit"], async (room) => {
    const most = room.under.limits?.keyPackages as number;
    const alice = await room.connect("alice");
    const many = numbers(most).map((i) => keyPackage(`${i}`));
    await alice.publishKeyPackages(many.slice(1));
    await refused(
      alice.publishKeyPackages([keyPackage("a"), keyPackage("b")]),
      "limit",
      `publishKeyPackages, ${most + 1} in all`,
    );
    await counts(alice, most - 1, 0);
    await alice.publishKeyPackages(many);
    await counts(alice, most, 0);
    await (await room.connect("bob")).publishKeyPackages([keyPackage("another client's")]);
  }),

  "key packages: they are what was published": needing([], async (room) => {
    const { bob, user } = await published(room, 0);
    const alice = await room.connect("alice");
    const reference = bytes(unique().padEnd(64, "."));
    const whole = Uint8Array.from(numbers(3000), (i) => (i * 7) & 255);
    await alice.publishKeyPackages([keyPackage("", { reference, keyPackage: whole.subarray(4, 2000) })]);
    is(await claimed(bob, user, 2), [hex(whole.slice(4, 2000))], "the key package");
  }),
};
