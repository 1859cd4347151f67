// The log of a group: what is sent comes to all readers, in one order, once.
import type { LogEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { cursors, ids } from "../reader.js";
import { type Room, type Sent, unique } from "../room.js";
import { itWaits } from "../time.js";
import { bytes, fail, has, is, later, numbers, refused, same } from "../tools.js";

/** A group with a log of handshakes and messages, as they were sent. */
async function chat(room: Room, many = 12) {
  const alice = await room.connect("alice");
  const group = await room.newGroup();
  const sent: Sent<{ readonly message: Uint8Array; readonly epoch: bigint }>[] = [await group.commit(alice)];
  while (sent.length < many)
    sent.push(sent.length % 4 === 0 ? await group.commit(alice) : await group.send(alice));
  return { alice, group, sent };
}

/** Checks that what was read is what was sent by several clients at once: everything once, and each client's in its order. */
function mixed(entries: readonly LogEntry[], sent: readonly (readonly Sent[])[]): void {
  has(ids(entries), ids(sent.flat()), "the log's entries");
  for (const own of sent) {
    const wanted = new Set(ids(own));
    const got = entries.filter(({ id }) => wanted.has(id));
    is(ids(got), ids(own), "the entries of one client, which sent one after the other");
    is(cursors(got), cursors(own), "their cursors, and those that send() has returned");
  }
}

export const logChecks: Record<string, Definition> = {
  "log: an entry is what was sent": needing(["order"], async (room) => {
    const { alice, group, sent } = await chat(room, 6);
    const start = Date.now();
    for (const [i, entry] of (await group.log(alice)).entries()) {
      const { id, cursor, submission } = sent[i] ?? fail("there are more entries than were sent");
      is(entry.id, id, "id");
      is(entry.cursor, cursor, "cursor, and that which the submission has returned");
      is(entry.epoch, submission.epoch, "epoch");
      is(entry.kind, "nextKey" in submission ? "handshake" : "message", "kind");
      same(entry.message, submission.message, "message");
      // Clocks differ: it is enough that it isn't of other units.
      if (!(Math.abs(entry.time - start) < 86_400_000))
        fail(`time: expected about ${start}, got ${entry.time}`);
    }
  }),

  "log: each byte, length and epoch is kept": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const most = Math.min((room.under.limits?.message ?? Number.POSITIVE_INFINITY) - 1000, 70_000);
    const all = Uint8Array.from(numbers(most), (i) => (i * 31 + (i >> 8) * 17) & 255);
    const contents = [bytes("\0"), all.subarray(0, 256), all.subarray(1, 16_385), all];
    const sent = [];
    for (const [i, content] of contents.entries()) {
      const epoch = 2n ** BigInt(16 * i + 15) + 1n;
      sent.push(await group.send(alice, { epoch, message: group.framed(content, "application", epoch) }));
    }
    const reader = group.reader(alice);
    for (const { id, submission } of sent) {
      const [entry] = (await reader.until((one) => one.id === id)).slice(-1);
      same(entry?.message, submission.message, "message");
      is(entry?.epoch, submission.epoch, "epoch");
    }
  }),

  "log: all readers get all entries in one order": needing(["order"], async (room) => {
    const clients = await room.connectMany(4);
    const group = await room.group(clients[0]!);
    const sent = await Promise.all(clients.map((client) => group.sendMany(client, 8)));
    const end = await group.send(clients[0]!);
    const readers = clients.map((client) => group.reader(client, group.last));
    const logs = await Promise.all(readers.map((reader) => reader.until(({ id }) => id === end.id)));
    for (const log of logs) {
      mixed(log.slice(0, -1), sent);
      is(ids(log), ids(logs[0]!), "the log as another client reads it");
    }
  }),

  "log: what comes while a reader catches up comes once": needing(["order"], async (room) => {
    const clients = await room.connectMany(4);
    const group = await room.group(clients[0]!);
    const before = await group.sendMany(clients[0]!, 20);
    const during = clients.slice(0, 2).map((client) => later(group.sendMany(client, 15)));
    const read = async (i: number) => {
      // Each begins at another moment.
      for (let rest = i; rest > 0; rest--) await clients[3]!.countKeyPackages(1);
      return group.reader(clients[2 + (i % 2)]!, group.last).take(50);
    };
    const reading = numbers(8).map((i) => later(read(i)));
    const sent = await Promise.all(during);
    for (const log of await Promise.all(reading)) {
      is(ids(log.slice(0, 20)), ids(before), "what was there before");
      mixed(log.slice(20), sent);
    }
    const end = await group.send(clients[0]!);
    const [log] = await Promise.all([group.reader(clients[1]!, group.last).until(({ id }) => id === end.id)]);
    is(log.length, 51, "entries that are there afterwards");
  }),

  "log: a reader that waits gets what comes": needing([], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.group(alice);
    const reader = group.reader(bob, group.last);
    await reader.all();
    for (const _ of numbers(3)) {
      const waiting = later(reader.next());
      await itWaits();
      const { id, cursor } = await group.send(alice);
      const entry = await waiting;
      is(entry.id, id, "the entry that has come");
      is(entry.cursor, cursor, "its cursor");
    }
  }),

  "log: a reader is told that there is nothing": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const reader = group.reader(alice, group.last);
    is((await reader.all()).length, 0, "entries after the last one");
    is((await room.inbox(alice).all()).length, 0, "entries of an empty inbox");
  }),

  "log: a slow reader gets everything": needing(["order"], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.group(alice);
    const reader = group.reader(bob, group.last);
    await reader.all();
    const first = await Promise.all(numbers(240).map(() => group.send(alice)));
    const sent = await group.sendMany(alice, 5);
    const got = ids(await reader.until(({ id }) => id === sent.at(-1)?.id));
    is(got.slice(0, 240).sort(), ids(first).sort(), "what was sent while the reader did something else");
    is(got.slice(240), ids(sent), "what was sent after that");
  }),

  "log: it goes on from each place": needing(["order"], async (room) => {
    const { alice, group, sent } = await chat(room);
    for (const [i, { cursor }] of sent.entries()) {
      const got = await group.log(alice, cursor);
      const rest = ids(sent.slice(i + 1));
      is(ids(got).slice(0, rest.length), rest, `entries after entry ${i + 1} of ${sent.length}`);
    }
  }),

  "log: what was read is read again from the same place": needing([], async (room) => {
    const { alice, group, sent } = await chat(room, 6);
    const again = await room.connect("alice");
    for (const client of [alice, alice, again]) {
      const got = await group.reader(client).take(6);
      has(ids(got), ids(sent), "entries from the beginning");
    }
  }),

  "log: readers of one client read on their own": needing(["order"], async (room) => {
    const { alice, group, sent } = await chat(room, 6);
    const other = await room.connect("alice");
    const readers = [group.reader(alice), group.reader(alice), group.reader(other)];
    for (const i of numbers(6))
      for (const reader of readers) is((await reader.next()).id, sent[i]?.id, "the next entry of a reader");
    const waiting = readers.map((reader) => later(reader.next()));
    await itWaits();
    await readers[0]!.end();
    const { id } = await group.send(alice);
    for (const next of waiting.slice(1))
      is((await next).id, id, "the next entry of a reader that waits, after another one's end");
  }),

  "log: behind says how many more there are": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    await Promise.all(numbers(240).map(() => group.send(alice)));
    const reader = group.reader(alice, group.last);
    let left = 240 - (await reader.all()).length;
    is(left, 0, "entries that are left when behind is 0");
    for (const { entries, behind } of [...reader.batches].reverse()) {
      if (behind < 0 || behind > left || (left > 0 && behind === 0))
        fail(`behind: expected 1 to ${left} when so many entries were left, got ${behind}`);
      left += entries.length;
    }
  }),

  "log: groups are apart": needing([], async (room) => {
    const alice = await room.connect("alice");
    const id = unique();
    const [a, b] = [await room.newGroup(`${id}.a`), await room.newGroup(`${id}.b`)];
    for (const group of [a, b]) await group.commit(alice);
    const [inA, inB] = [await a.sendMany(alice, 3), await b.sendMany(alice, 3)];
    has(ids(await a.reader(alice, a.last).take(3)), ids(inA), "entries of one group");
    has(ids(await b.reader(alice, b.last).take(3)), ids(inB), "entries of another group");
    const beginning = a.id.slice(0, -1);
    is(
      await alice.groupInfo(beginning),
      undefined,
      "groupInfo of a group whose ID is the beginning of another's",
    );
  }),

  "log: an unknown group is not found": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.newGroup();
    // A service that serves members alone may tell nobody whether there is such a group.
    const codes = ["not-found", "forbidden"] as const;
    await refused(alice.send(group.message()), codes, "send");
    await refused(group.reader(alice).next(), codes, "subscribe");
    const info = { groupInfo: bytes("info"), handshake: "" };
    const source = group.key.source ?? (() => undefined);
    await refused(alice.publishGroupInfo(group.id, info, source), codes, "publishGroupInfo");
    is(await alice.groupInfo(group.id), undefined, "groupInfo");
    await group.commit(alice);
    is((await group.log(alice)).length, 1, "entries of the group that is known now");
  }),
};
