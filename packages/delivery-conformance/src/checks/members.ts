// Access by the keys of epochs: a service that doesn't know its members serves those who hold them.
import type { DeliveryService, EpochKey, EpochKeySource, LogEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import { ids, Reader } from "../reader.js";
import type { Room, TestGroup } from "../room.js";
import { itWaits } from "../time.js";
import { bytes, fail, is, later, refused } from "../tools.js";

const members = (body: (room: Room) => unknown) => needing(["order", "members"], body);

/** Reads a group's log with this key alone, whatever the newest one is. */
const readWith = (client: DeliveryService, group: TestGroup, key: EpochKeySource | undefined, after = "") =>
  new Reader(client.subscribe({ groupId: group.id, after, key }));

/**
 * What a reader gets beyond what it has read: nothing, while it waits or until it is refused. Whether it only waits is seen by
 * what a member reads meanwhile.
 */
async function beyond(reader: Reader<LogEntry>, member: DeliveryService, group: TestGroup) {
  const got: string[] = [];
  const read = async () => {
    for (;;) got.push((await reader.next()).id);
  };
  const reading = later(
    read().catch((error: unknown) => refused(Promise.reject(error), "forbidden", "a reader without access")),
  );
  await itWaits();
  const last = group.reader(member, group.last);
  for (const _ of [1, 2, 3]) {
    const { id } = await group.send(member);
    await last.until((entry) => entry.id === id);
  }
  await reader.end();
  await Promise.race([reading, last.end()]);
  return got;
}

async function setting(room: Room) {
  const [alice, bob] = await room.pair();
  const carol = await room.connect("carol");
  const group = await room.group(alice);
  // All are members of this epoch, and have shown it.
  const key = group.key.source as EpochKeySource;
  for (const client of [alice, carol]) await group.send(client);
  const message = await group.send(bob);
  return { alice, bob, carol, group, key, message };
}

/** Submits a handshake that another member takes: it shows the next key. */
async function confirmed(group: TestGroup, by: DeliveryService, other: DeliveryService) {
  const commit = await group.commit(by);
  return { ...commit, message: await group.send(other) };
}

/** That who has a key publishes the GroupInfo, and commits. */
async function mayAll(client: DeliveryService, group: TestGroup, key: EpochKeySource, epoch: bigint) {
  const info = { groupInfo: otherMessage("group info", "the right one"), handshake: group.last };
  is(await client.publishGroupInfo(group.id, info, key), true, "publishGroupInfo with the key before");
  await group.commit(client, { epoch, key });
}

export const memberChecks: Record<string, Definition> = {
  "members: nobody without a key gets in": members(async (room) => {
    const { alice, group } = await setting(room);
    const eve = await room.connect("eve");
    const real = (await group.key.source?.()) as EpochKey;
    const own = (await room.key(group.epoch)).source;
    const keys: [string, EpochKeySource | undefined][] = [
      ["without a key", undefined],
      ["with a source that has none", () => undefined],
      ["with a key that no handshake has registered", own],
      ["with a key that it can't use", () => ({ ...real, open: () => bytes("a guess") })],
      [
        "with a key that opens nothing",
        () => ({ ...real, open: () => Promise.reject(new Error("can't open")) }),
      ],
      ["with another key under the member's", async () => ({ ...real, open: (await own?.())!.open })],
    ];
    for (const [what, key] of keys) {
      await refused(eve.send(group.message({ key })), "forbidden", `send ${what}`);
      await refused(eve.submit(await group.handshake({ key })), "forbidden", `submit ${what}`);
      await refused(readWith(eve, group, key).next(), "forbidden", `subscribe ${what}`);
      const info = { groupInfo: otherMessage("group info", "eve"), handshake: group.last };
      const publishing = eve.publishGroupInfo(group.id, info, key ?? (() => undefined));
      await refused(publishing, "forbidden", `publishGroupInfo ${what}`);
    }
    await refused(eve.groupInfo(group.id), "forbidden", "groupInfo by who was never a member");
    is((await group.log(alice)).length, 4, "entries of the log");
  }),

  "members: whoever has the key sends, reads and commits": members(async (room) => {
    const { alice, bob, group, message } = await setting(room);
    const commit = await group.commit(bob);
    const next = await group.send(bob);
    for (const client of [alice, bob])
      is(ids(await group.log(client, message.cursor)).slice(0, 2), [commit.id, next.id], "the log");
    is((await bob.groupInfo(group.id))?.handshake, group.last, "handshake of the GroupInfo");
  }),

  "members: whom a commit removes reads up to it and no further": members(async (room) => {
    const { alice, bob, carol, group, key, message } = await setting(room);
    const commit = await confirmed(group, alice, carol);
    await group.sendMany(alice, 3);
    const reader = readWith(bob, group, key);
    const got = await reader.until(({ id }) => id === commit.id);
    is(ids(got).includes(message.id), true, "whether what came before the commit was read");
    is(
      (await beyond(reader, alice, group)).length,
      0,
      "entries after the commit that a removed member has read",
    );
    await confirmed(group, alice, carol);
    const next = readWith(bob, group, key, commit.cursor);
    const more = await beyond(next, alice, group);
    is(more.length, 0, "entries after the next commit that a removed member has read");
  }),

  "members: whom a commit removes isn't kept by its connection": members(async (room) => {
    const { alice, bob, carol, group, key } = await setting(room);
    const reader = readWith(bob, group, key, group.last);
    await reader.take(3);
    const { id } = await confirmed(group, alice, carol);
    await reader.until((entry) => entry.id === id);
    const more = await beyond(reader, alice, group);
    is(more.length, 0, "entries after the commit that a removed member has read");
  }),

  "members: with the next key a reader goes on": members(async (room) => {
    const { alice, bob, carol, group, message } = await setting(room);
    const reader = group.reader(bob, message.cursor);
    await reader.batch();
    for (const _ of [1, 2, 3]) {
      const waiting = later(reader.next());
      await itWaits();
      // The reader asks for the group's newest key when it needs it.
      const next = await confirmed(group, alice, carol);
      const got = [await waiting, await reader.next()];
      is(ids(got), [next.id, next.message.id], "what a member reads across a commit");
    }
  }),

  "members: whoever reads on with the next key has taken its handshake": members(async (room) => {
    const { alice, bob, carol, group, key, message } = await setting(room);
    const reader = group.reader(carol, message.cursor);
    const commit = await group.commit(alice);
    await reader.until(({ id }) => id === commit.id);
    // Carol has nothing to say, and only reads.
    const reading = (async () => {
      for (;;) await reader.next();
    })().catch(() => undefined);
    const more = () => beyond(readWith(bob, group, key, commit.cursor), alice, group);
    let rounds = 0;
    while ((await more()).length > 0)
      if (++rounds > 20)
        fail("the key of the epoch before reads on, whatever those read who have the next one");
    await Promise.race([reading, reader.end()]);
  }),

  "members: whoever was away reads step by step": members(async (room) => {
    const { alice, bob, carol, group } = await setting(room);
    let after = group.last;
    let { key } = group;
    const steps = [];
    for (const _ of [1, 2, 3]) {
      const { message, ...commit } = await confirmed(group, alice, carol);
      steps.push({ commit, message, next: group.key });
      await group.send(alice);
    }
    for (const { commit, message, next } of steps) {
      const reader = readWith(bob, group, key.source, after);
      const got = await reader.until(({ id }) => id === commit.id);
      is((reader.batches.at(-1)?.behind ?? 0) > 0, true, "whether behind counts what follows the commit");
      after = commit.cursor;
      if (got.some(({ id }) => id === message.id))
        fail("what follows a commit was read with the key before it");
      key = next;
    }
    const reader = readWith(bob, group, key.source, after);
    is((await reader.next()).id, steps[2]!.message.id, "the message after the last commit");
  }),

  "members: whoever refuses a handshake that others have taken may submit the next": members(async (room) => {
    const { alice, bob, carol, group, key, message } = await setting(room);
    const { epoch } = group;
    const start = message.cursor;
    const junk = await confirmed(group, bob, carol);
    const others = group.key.source as EpochKeySource;
    // Alice hasn't taken it: she has the key of the epoch before.
    const contest = await group.commit(alice, { epoch, key });
    const own = readWith(alice, group, key, start);
    const theirs = readWith(bob, group, others, junk.message.cursor);
    const expected = [junk.id, junk.message.id, contest.id];
    is(ids(await own.take(3)), expected, "what who has refused one reads");
    is((await theirs.next()).id, contest.id, "what who has taken the other one reads");
    const info = { groupInfo: otherMessage("group info", "alice's"), handshake: group.last };
    is(
      await alice.publishGroupInfo(group.id, info, key),
      true,
      "publishGroupInfo with the key of the epoch before",
    );
  }),

  "members: a late one with a key is told what came first": members(async (room) => {
    const { alice, bob, group, key } = await setting(room);
    const late = await group.handshake();
    const first = await group.commit(alice);
    const answer = await bob.submit({ ...late, key });
    is(answer.kind, "stale", "a late handshake");
    is(answer.kind === "stale" && answer.first.id, first.id, "what came first");
  }),

  "members: whoever was a member joins again without a key": members(async (room) => {
    const { alice, bob, group } = await setting(room);
    const before = group.key.source as EpochKeySource;
    const start = group.last;
    await group.send(alice);
    const eve = await room.connect("eve");
    await refused(eve.submit(await group.handshake({ key: undefined })), "forbidden", "submit by a stranger");
    const external = await group.commit(bob, { key: undefined });
    const reader = readWith(alice, group, before, start);
    await reader.until(({ id }) => id === external.id);
    // She takes it, and shows that.
    const { id } = await group.send(alice);
    const answer = await group.send(bob);
    const next = readWith(bob, group, group.key.source, external.cursor);
    is(ids(await next.take(2)), [id, answer.id], "what comes after somebody has joined");
  }),

  "members: a handshake that no other member has taken takes nothing from others": members(async (room) => {
    const { alice, bob, group, key, message } = await setting(room);
    const { epoch } = group;
    const junk = await group.commit(bob);
    // Its submitter shows the next key, which nobody else has.
    const theirs = await group.send(bob);
    const own = await group.send(alice, { epoch, key });
    const reader = readWith(alice, group, key, message.cursor);
    is(ids(await reader.take(3)), [junk.id, theirs.id, own.id], "what is read with the key before");
    await mayAll(alice, group, key, epoch);
  }),

  "members: whoever was only added by a handshake isn't another member": members(async (room) => {
    const { alice, bob, group, key, message } = await setting(room);
    const { epoch } = group;
    const junk = await group.commit(bob);
    const creature = await room.connect("creature");
    const theirs = [await group.send(creature), await group.send(bob)];
    // Nor by the next one, to which it belonged before.
    const second = await group.commit(bob);
    const last = await group.send(creature);
    const reader = readWith(alice, group, key, message.cursor);
    const expected = [junk, ...theirs, second, last].map(({ id }) => id);
    is(ids(await reader.take(5)), expected, "what is read with the key before");
    await mayAll(alice, group, key, epoch);
  }),

  "members: whoever joins without a key waits for a member who takes it": members(async (room) => {
    const { alice, bob, group, key, message } = await setting(room);
    const { epoch } = group;
    const external = await group.commit(bob, { key: undefined });
    const joined = group.key.source as EpochKeySource;
    await refused(group.send(bob), ["limit", "forbidden"], "send by who has joined, at once");
    await refused(
      bob.submit(await group.handshake()),
      ["limit", "forbidden"],
      "submit by who has joined, at once",
    );
    const info = { groupInfo: otherMessage("group info", "bob's"), handshake: group.last };
    await refused(
      bob.publishGroupInfo(group.id, info, joined),
      ["limit", "forbidden"],
      "publishGroupInfo by who has joined, at once",
    );
    // The others go on as before.
    const own = await group.send(alice, { epoch, key });
    const reader = readWith(alice, group, key, message.cursor);
    is(ids(await reader.take(2)), [external.id, own.id], "what is read with the key before");
    await mayAll(alice, group, key, epoch);
  }),

  "members: a reader learns at once that there is more than it may read": members(async (room) => {
    const { alice, bob, carol, group, key } = await setting(room);
    const junk = await confirmed(group, bob, carol);
    // Alice has refused it: she has no later key.
    const { entries, behind } = await readWith(alice, group, key, junk.cursor).batch();
    is(entries.length, 0, "entries after the commit, for who has the key before it");
    is(behind > 0, true, "whether behind counts them");
  }),

  "members: those who join one after the other read each other's handshakes": members(async (room) => {
    const { alice, bob, carol, group } = await setting(room);
    const first = await group.commit(bob, { key: undefined });
    const joined = group.key.source as EpochKeySource;
    const second = await group.commit(carol, { key: undefined });
    const last = group.key.source as EpochKeySource;
    const reader = readWith(bob, group, joined, first.cursor);
    is((await reader.next()).id, second.id, "what follows the handshake by which a client has joined");
    // Both have it, and one of them shows it: now they are members.
    await group.send(bob, { key: last });
    const { id } = await group.send(carol, { key: last });
    const both = readWith(carol, group, last, second.cursor);
    is((await both.take(2))[1]?.id, id, "what they say");
    await alice.close();
  }),

  "members: no handshake registers a key that another one has": members(async (room) => {
    const { alice, bob, group } = await setting(room);
    const { registered } = group.key;
    const again = await group.handshake({ nextKey: { ...registered, epoch: registered.epoch + 1n } });
    await refused(bob.submit(again), "invalid", "a handshake with the present key as the next one");
    await group.commit(alice);
  }),
};
