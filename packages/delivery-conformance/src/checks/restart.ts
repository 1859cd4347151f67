// What a service has told its clients is there when it comes back.
import { type Cursor, DeliveryError, type LogEntry } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import { cursors, ids, type Reader } from "../reader.js";
import { keyPackage } from "../room.js";
import { itWaits } from "../time.js";
import { has, hex, is, later, numbers, same } from "../tools.js";

/**
 * Reads until there are so many. A reader may end with the service: another one goes on from its last entry.
 * @param next what the reader was asked for already
 */
async function readOn(
  reader: Reader<LogEntry>,
  next: Promise<LogEntry> | undefined,
  got: LogEntry[],
  many: number,
  goOn: (cursor: Cursor) => Promise<Reader<LogEntry>>,
): Promise<void> {
  try {
    if (next !== undefined) got.push(await next);
    while (got.length < many) got.push(await reader.next());
  } catch (error) {
    if (!(error instanceof DeliveryError && error.retry === "later")) throw error;
    await readOn(await goOn(got.at(-1)?.cursor ?? ""), undefined, got, many, goOn);
  }
}

export const restartChecks: Record<string, Definition> = {
  "restart: the log is there, and goes on": needing(["order", "restart"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const sent = await group.sendMany(alice, 3);
    const last = await group.commit(alice);
    await room.restart();
    const again = await room.connect("alice");
    const log = await group.log(again);
    is(cursors(log).slice(1), cursors([...sent, last]), "cursors in the log");
    for (const [i, { submission }] of [...sent, last].entries())
      same(log[i + 1]?.message, submission.message, "message");
    const next = await group.send(again);
    const rest = await group.log(again, sent[1]!.cursor);
    is(
      ids(rest).filter((id) => [sent[2]!.id, last.id, next.id].includes(id)),
      [sent[2]!.id, last.id, next.id],
      "the log after one of its entries",
    );
  }),

  "restart: IDs are known": needing(["order", "restart"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const start = group.last;
    const message = await group.send(alice);
    const handshake = await group.commit(alice);
    await room.restart();
    const again = await room.connect("alice");
    // A key of the epoch before is still good for what was answered before.
    const { submission } = message;
    is(await again.send({ ...submission, key: group.key.source }), message.cursor, "send, once more");
    const answer = await again.submit({ ...handshake.submission, key: group.key.source });
    is(answer.kind === "accepted" && answer.cursor, handshake.cursor, "submit, once more");
    is(ids(await group.log(again, start)), [message.id, handshake.id], "the log");
  }),

  "restart: one handshake follows, as before": needing(["order", "restart"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const late = await group.handshake();
    const first = await group.commit(alice);
    await room.restart();
    const again = await room.connect("alice");
    const answer = await again.submit({ ...late, key: group.key.source });
    is(answer.kind, "stale", "a handshake after the one before the last");
    is(answer.kind === "stale" && answer.first.id, first.id, "what came first");
    await group.commit(again);
  }),

  "restart: the GroupInfo is there": needing(["restart"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const info = { groupInfo: otherMessage("group info", "another"), handshake: group.last };
    await alice.publishGroupInfo(group.id, info, group.key.source ?? (() => undefined));
    await room.restart();
    const got = await (await room.connect("alice")).groupInfo(group.id);
    same(got?.groupInfo, info.groupInfo, "groupInfo");
    is(got?.handshake, group.last, "its handshake");
  }),

  "restart: key packages are there, and claimed ones aren't": needing(["restart"], async (room) => {
    const [alice, bob] = await room.pair();
    const last = keyPackage("last resort", { lastResort: true });
    const offered = numbers(4).map((i) => keyPackage(`${i}`));
    await alice.publishKeyPackages([last, ...offered]);
    const got = (await bob.claimKeyPackages(room.user("alice"), 1)).map(hex);
    await room.restart();
    const [again, claimer] = await room.pair();
    is((await again.countKeyPackages(1)).single, 3, "count");
    for (const _ of numbers(3)) got.push(...(await claimer.claimKeyPackages(room.user("alice"), 1)).map(hex));
    has(
      got,
      offered.map((one) => hex(one.keyPackage)),
      "what was handed out",
    );
    same((await claimer.claimKeyPackages(room.user("alice"), 1))[0], last.keyPackage, "the last resort");
  }),

  "restart: the inbox is there, and what was cleared isn't": needing(["restart"], async (room) => {
    const [alice, bob] = await room.pair();
    const made = numbers(3).map((i) => keyPackage(`bob ${i}`));
    await bob.publishKeyPackages(made);
    const welcomes = made.map(({ reference }, i) => ({
      reference,
      welcome: otherMessage("welcome", `${i}`),
    }));
    for (const welcome of welcomes) await (await room.newGroup()).commit(alice, { welcomes: [welcome] });
    const before = await room.inbox(bob).take(3);
    await bob.clearInbox(before[0]!.cursor);
    await room.restart();
    const after = await room.inbox(await room.connect("bob")).all();
    is(cursors(after), cursors(before.slice(1)), "cursors in the inbox");
    same(after[0]?.welcome, welcomes[1]!.welcome, "the Welcome");
  }),

  "restart: a reader loses nothing, and gets nothing twice": needing(["order", "restart"], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.group(alice);
    const sent = await group.sendMany(alice, 5);
    const { last } = group;
    const [slow, waiting] = [group.reader(bob, last), group.reader(bob, last)];
    const [some, all] = [await slow.take(2), await waiting.take(5)];
    const next = later(waiting.next());
    await itWaits();
    await room.restartWithConnections();
    sent.push(...(await group.sendMany(await room.connect("alice"), 5)));
    const goOn = async (cursor: Cursor) => group.reader(await room.connect("bob"), cursor);
    await readOn(slow, undefined, some, 10, goOn);
    is(ids(some), ids(sent), "entries that a reader got across a restart");
    await readOn(waiting, next, all, 10, goOn);
    is(ids(all), ids(sent), "entries that a reader got that waited when the service was restarted");
  }),
};
