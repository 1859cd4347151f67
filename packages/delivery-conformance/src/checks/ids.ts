// What is sent twice under one ID is delivered once.
import { type Definition, needing } from "../check.js";
import { ids } from "../reader.js";
import { fail, has, is, refused } from "../tools.js";
import { stale } from "./handshakes.js";

export const idChecks: Record<string, Definition> = {
  "ids: a message that is sent again gets the same answer": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const message = group.message();
    const at = await Promise.all([alice.send(message), alice.send(message), alice.send(message)]);
    const { id } = await group.send(alice);
    at.push(await alice.send(message), await (await room.connect("alice")).send(message));
    is(at, Array(5).fill(at[0]), "cursors of a message that is sent five times");
    has(ids(await group.log(alice, group.last)), [message.id, id], "messages in the log");
  }),

  "ids: a handshake that is sent again gets the same answer": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const start = group.last;
    const handshake = await group.handshake();
    const answers = await Promise.all([0, 0, 0].map(() => alice.submit(handshake)));
    const accepted = answers[0]!;
    if (accepted.kind !== "accepted") fail(`expected "accepted", got "${accepted.kind}"`);
    group.accepted(handshake, accepted.cursor);
    const next = await group.commit(alice);
    answers.push(await alice.submit(handshake), await (await room.connect("alice")).submit(handshake));
    for (const answer of answers) {
      is(answer.kind, "accepted", "a handshake that was accepted, sent again");
      is(answer.kind === "accepted" && answer.cursor, accepted.cursor, "its cursor");
    }
    is(ids(await group.log(alice, start)), [handshake.id, next.id], "handshakes in the log");
  }),

  "ids: a late handshake that is sent again is late again": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const late = await group.handshake();
    const { submission, cursor } = await group.commit(alice);
    await group.commit(alice);
    const again = { ...late, key: group.key.source };
    for (const _ of [1, 2]) stale(await alice.submit(again), submission, cursor);
    is((await group.log(alice, cursor)).length, 1, "handshakes after the one that came first");
  }),

  "ids: another client's is refused with other content": needing([], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.group(alice);
    const { id } = await group.send(alice);
    await refused(
      group.send(bob, { id, message: group.framed("another client's") }),
      "invalid",
      "send with another client's id",
    );
    const last = await group.commit(alice);
    const handshake = await group.handshake({
      id: last.id,
      message: group.framed("another client's", "commit"),
    });
    await refused(bob.submit(handshake), "invalid", "submit with another client's id");
    has(ids(await group.log(alice)).slice(1), [id, last.id], "the log after its first entry");
  }),

  "ids: the same client's with other content makes no second entry": needing([], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const { id, cursor } = await group.send(alice);
    const again = group.send(alice, { id, message: group.framed("other content") });
    const answer = await again.catch(() => undefined);
    if (answer !== undefined) is(answer.cursor, cursor, "the cursor of what was first sent under the id");
    else await refused(group.send(alice, { id, message: group.framed("other content") }), "invalid", "send");
    is(ids(await group.log(alice, group.last)), [id], "the log");
  }),

  "ids: they are a group's own": needing([], async (room) => {
    const alice = await room.connect("alice");
    const [a, b] = [await room.group(alice), await room.group(alice)];
    const { id } = await a.send(alice);
    await b.send(alice, { id });
    for (const group of [a, b]) is(ids(await group.log(alice, group.last)), [id], "the log");
  }),
};
