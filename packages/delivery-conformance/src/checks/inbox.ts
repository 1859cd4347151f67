// Welcomes: they come with an accepted handshake, to the client whose key package they name.
import type { AddressedWelcome, InboxEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import { cursors } from "../reader.js";
import { keyPackage, type Room, type TestGroup } from "../room.js";
import { itWaits } from "../time.js";
import { fail, hex, is, later, numbers, same } from "../tools.js";

/** A Welcome for a new key package of a client, which has been claimed. */
async function invited(room: Room, name: string, device = "phone"): Promise<AddressedWelcome> {
  const client = await room.connect(name, device);
  const one = keyPackage(name);
  await client.publishKeyPackages([one]);
  await client.claimKeyPackages(room.user(name), 1);
  return { reference: one.reference, welcome: otherMessage("welcome", `for ${name} ${device}`) };
}

async function inviter(room: Room) {
  const alice = await room.connect("alice");
  return { alice, bob: await room.connect("bob"), group: await room.group(alice) };
}

function isWelcome(
  entry: InboxEntry | undefined,
  group: TestGroup,
  handshake: string,
  { reference, welcome }: AddressedWelcome,
): void {
  if (entry === undefined) fail("expected a Welcome in the inbox, got none");
  same(entry.reference, reference, "reference");
  same(entry.groupId, group.id, "groupId");
  same(entry.welcome, welcome, "welcome");
  is(entry.handshake, handshake, "handshake, the cursor of that by which the client was added");
}

/** Many Welcomes for bob, each in a group and a handshake of its own. */
async function welcomes(room: Room, many: number): Promise<AddressedWelcome[]> {
  const alice = await room.connect("alice");
  const made: AddressedWelcome[] = [];
  for (const _ of numbers(many)) {
    const one = await invited(room, "bob");
    await (await room.newGroup()).commit(alice, { welcomes: [one] });
    made.push(one);
  }
  return made;
}

const references = (all: readonly { readonly reference: Uint8Array }[]) =>
  all.map(({ reference }) => hex(reference));

export const inboxChecks: Record<string, Definition> = {
  "inbox: a Welcome comes to the client whose key package it names": needing([], async (room) => {
    const { alice, bob, group } = await inviter(room);
    const laptop = await room.connect("bob", "laptop");
    const [forPhone, forLaptop] = [await invited(room, "bob"), await invited(room, "bob", "laptop")];
    const one = await group.commit(alice, { welcomes: [forPhone] });
    const two = await group.commit(alice, { welcomes: [forLaptop, await invited(room, "carol")] });
    const [phones, laptops] = [await room.inbox(bob).next(), await room.inbox(laptop).next()];
    isWelcome(phones, group, one.cursor, forPhone);
    isWelcome(laptops, group, two.cursor, forLaptop);
    is((await room.inbox(bob, phones.cursor).all()).length, 0, "other Welcomes in the phone's inbox");
    is((await room.inbox(alice).all()).length, 0, "Welcomes in the inbox of who was not invited");
    // The log goes on after the handshake.
    const { id } = await group.send(alice);
    is(
      (await group.reader(laptop, laptops.handshake).next()).id,
      id,
      "what the group's log has after the handshake",
    );
  }),

  "inbox: Welcomes of a late handshake aren't delivered": needing(["order"], async (room) => {
    const { alice, bob, group } = await inviter(room);
    for (const _ of numbers(3)) {
      const late = await group.handshake({ welcomes: [await invited(room, "bob")] });
      await group.commit(alice);
      await alice.submit({ ...late, key: group.key.source });
    }
    const welcome = await invited(room, "bob");
    const { cursor } = await group.commit(alice, { welcomes: [welcome] });
    isWelcome(await room.inbox(bob).next(), group, cursor, welcome);
  }),

  "inbox: a handshake that is sent twice delivers its Welcomes once": needing([], async (room) => {
    const { alice, bob, group } = await inviter(room);
    const one = await group.handshake({ welcomes: [await invited(room, "bob")] });
    const answers = await Promise.all([alice.submit(one), alice.submit(one)]);
    if (answers[0]?.kind !== "accepted") fail("expected the handshake to be accepted");
    group.accepted(one, answers[0].cursor);
    await alice.submit(one);
    const next = await invited(room, "bob");
    const { cursor } = await group.commit(alice, { welcomes: [next] });
    const [first, second] = await room.inbox(bob).take(2);
    isWelcome(first, group, answers[0].cursor, one.welcomes[0]!);
    isWelcome(second, group, cursor, next);
  }),

  "inbox: a Welcome for nobody stops neither the handshake nor the others": needing([], async (room) => {
    const { alice, bob, group } = await inviter(room);
    const nobodys = { reference: keyPackage("nobody").reference, welcome: otherMessage("welcome", "nobody") };
    const welcome = await invited(room, "bob");
    const { cursor } = await group.commit(alice, { welcomes: [nobodys, welcome] });
    isWelcome(await room.inbox(bob).next(), group, cursor, welcome);
    const { id } = await group.commit(alice, { welcomes: [nobodys] });
    is((await group.reader(alice, cursor).next()).id, id, "the handshake with a Welcome for nobody alone");
  }),

  "inbox: one of last resort has several Welcomes": needing([], async (room) => {
    const { alice, bob } = await inviter(room);
    const one = keyPackage("bob", { lastResort: true });
    await bob.publishKeyPackages([one]);
    const welcome = { reference: one.reference, welcome: otherMessage("welcome", "again") };
    const made = [];
    for (const _ of numbers(2)) {
      await alice.claimKeyPackages(room.user("bob"), 1);
      const group = await room.newGroup();
      made.push({ group, ...(await group.commit(alice, { welcomes: [welcome] })) });
    }
    const inbox = await room.inbox(bob).take(2);
    for (const [i, { group, cursor }] of made.entries()) isWelcome(inbox[i], group, cursor, welcome);
  }),

  "inbox: it goes on from each place, and with what comes": needing([], async (room) => {
    const bob = await room.connect("bob");
    const waiting = room.inbox(bob);
    await waiting.all();
    const made: AddressedWelcome[] = [];
    const inbox: InboxEntry[] = [];
    for (const _ of [1, 2]) {
      const next = later(waiting.next());
      await itWaits();
      made.push(...(await welcomes(room, 2)));
      inbox.push(await next, await waiting.next());
    }
    is(references(inbox), references(made), "Welcomes that came while a reader waited for them");
    const last = await welcomes(room, 1);
    for (const [i, { cursor }] of inbox.entries()) {
      const rest = await room.inbox(bob, cursor).take(4 - i);
      is(references(rest), references([...made.slice(i + 1), ...last]), `Welcomes after number ${i + 1}`);
    }
  }),

  "inbox: what is cleared is gone, and the rest is there": needing([], async (room) => {
    const bob = await room.connect("bob");
    const made = await welcomes(room, 3);
    const inbox = await room.inbox(bob).take(3);
    await bob.clearInbox(inbox[1]!.cursor);
    const left = await room.inbox(await room.connect("bob")).all();
    is(references(left), references(made.slice(2)), "Welcomes that are left");
    is(cursors(left), cursors(inbox.slice(2)), "their cursors");
    await bob.clearInbox(inbox[0]!.cursor);
    is((await room.inbox(bob, inbox[1]!.cursor).all()).length, 1, "Welcomes after the cleared ones");
    await bob.clearInbox(inbox[2]!.cursor);
    is((await room.inbox(bob, inbox[2]!.cursor).all()).length, 0, "Welcomes when all are cleared");
    const [more] = await welcomes(room, 1);
    same(
      (await room.inbox(bob, inbox[2]!.cursor).next()).reference,
      more!.reference,
      "what comes afterwards",
    );
  }),
};
