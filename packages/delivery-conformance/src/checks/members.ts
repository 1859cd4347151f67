// Access by the keys of epochs: a service that doesn't know its members serves those who hold them.
import type { DeliveryService, EpochKey, EpochKeySource, LogEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import { ids, Reader } from "../reader.js";
import type { Room, TestGroup } from "../room.js";
import { bytes, fail, is, refused } from "../tools.js";

const members = (body: (room: Room) => unknown) => needing(["order", "members"], body);

/** Reads a group's log with this key alone, whatever the newest one is. */
const readWith = (client: DeliveryService, group: TestGroup, key: EpochKeySource | undefined, after = "") =>
  new Reader(client.subscribe({ groupId: group.id, after, key }));

/**
 * What a reader gets beyond what it has read: nothing, while it waits or until it is refused. Whether it only waits is seen by
 * what a member reads meanwhile.
 */
async function beyond(room: Room, reader: Reader<LogEntry>, member: DeliveryService, group: TestGroup) {
  room.kept(reader);
  const got: string[] = [];
  const reading = (async () => {
    for (;;) got.push((await reader.next()).id);
  })().catch((error: unknown) => refused(Promise.reject(error), "forbidden", "a reader without access"));
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
  const group = await room.group(alice);
  // Both are members of this epoch.
  const key = group.key.source as EpochKeySource;
  const message = await group.send(bob);
  return { alice, bob, group, key, message };
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
    is((await group.log(alice)).length, 2, "entries of the log");
  }),

  "members: whoever has the key sends, reads and commits": members(async (room) => {
    const { alice, bob, group, message } = await setting(room);
    const start = group.last;
    const commit = await group.commit(bob);
    const next = await group.send(bob);
    const expected = [message.id, commit.id, next.id];
    for (const client of [alice, bob])
      is(ids(await group.log(client, start)).slice(0, 3), expected, "the log");
    is((await bob.groupInfo(group.id))?.handshake, group.last, "handshake of the GroupInfo");
  }),

  "members: whom a commit removes reads up to it and no further": members(async (room) => {
    const { alice, bob, group, key, message } = await setting(room);
    const commit = await group.commit(alice);
    await group.sendMany(alice, 3);
    const reader = readWith(bob, group, key);
    const got = await reader.until(({ id }) => id === commit.id);
    is(ids(got).includes(message.id), true, "whether what came before the commit was read");
    is(
      (await beyond(room, reader, alice, group)).length,
      0,
      "entries after the commit that a removed member has read",
    );
    await group.commit(alice);
    const later = readWith(bob, group, key, commit.cursor);
    const more = await beyond(room, later, alice, group);
    is(more.length, 0, "entries after the next commit that a removed member has read");
  }),

  "members: whom a commit removes isn't kept by its connection": members(async (room) => {
    const { alice, bob, group, key } = await setting(room);
    const reader = readWith(bob, group, key, group.last);
    await reader.next();
    const { id } = await group.commit(alice);
    await reader.until((entry) => entry.id === id);
    const more = await beyond(room, reader, alice, group);
    is(more.length, 0, "entries after the commit that a removed member has read");
  }),

  "members: with the next key a reader goes on": members(async (room) => {
    const { alice, bob, group } = await setting(room);
    const reader = group.reader(bob, group.last);
    await reader.next();
    for (const _ of [1, 2, 3]) {
      // The reader asks for the group's newest key when it needs it.
      const { id } = await group.commit(alice);
      const message = await group.send(alice);
      is(ids(await reader.take(2)), [id, message.id], "what a member reads across a commit");
    }
  }),

  "members: whoever was away reads step by step": members(async (room) => {
    const { alice, bob, group } = await setting(room);
    let after = group.last;
    let { key } = group;
    const steps = [];
    for (const _ of [1, 2, 3]) {
      const commit = await group.commit(alice);
      steps.push({ commit, message: await group.send(alice), next: group.key });
    }
    for (const { commit, message, next } of steps) {
      const reader = room.kept(readWith(bob, group, key.source, after));
      const got = await reader.until(({ id }) => id === commit.id);
      is((reader.batches.at(-1)?.behind ?? 0) > 0, true, "whether behind counts what follows the commit");
      after = commit.cursor;
      if (got.some(({ id }) => id === message.id))
        fail("what follows a commit was read with the key before it");
      key = next;
    }
    const reader = room.kept(readWith(bob, group, key.source, after));
    is((await reader.next()).id, steps[2]!.message.id, "the message after the last commit");
  }),

  "members: whoever refuses a handshake may submit the next": members(async (room) => {
    const { alice, bob, group, key, message } = await setting(room);
    const { epoch } = group;
    const start = message.cursor;
    const junk = await group.commit(bob);
    const others = group.key.source as EpochKeySource;
    // Alice hasn't taken it: she has the key of the epoch before.
    const contest = await group.commit(alice, { epoch, key });
    const [own, theirs] = [readWith(alice, group, key, start), readWith(bob, group, others, junk.cursor)];
    is(ids(await room.kept(own).take(2)), [junk.id, contest.id], "what who has refused one reads");
    is((await room.kept(theirs).next()).id, contest.id, "what who has taken the other one reads");
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
    const reader = room.kept(readWith(alice, group, before, start));
    await reader.until(({ id }) => id === external.id);
    const { id } = await group.send(bob);
    const next = room.kept(readWith(alice, group, group.key.source, external.cursor));
    is((await next.next()).id, id, "what comes after somebody has joined");
  }),
};
