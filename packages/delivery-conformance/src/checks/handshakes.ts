// Handshakes: of all that name the same `after`, one is accepted.
import type { DeliveryService, Handshake, Submitted } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { ids } from "../reader.js";
import type { TestGroup } from "../room.js";
import { fail, is, numbers, same } from "../tools.js";

/** Checks that a handshake was too late, and what came first. */
export function stale(answer: Submitted, first: Handshake, cursor: string): void {
  if (answer.kind !== "stale") fail(`expected "stale", got "${answer.kind}"`);
  if (answer.first === undefined) fail("stale: expected what came first, got nothing");
  is(answer.first.id, first.id, "stale: the id of what came first");
  is(answer.first.cursor, cursor, "stale: its cursor");
  is(answer.first.kind, "handshake", "stale: its kind");
  is(answer.first.epoch, first.epoch, "stale: its epoch");
  same(answer.first.message, first.message, "stale: its message");
}

/** Submits handshakes at once, of which one must be accepted. */
export async function race(
  group: TestGroup,
  submissions: readonly (readonly [DeliveryService, Handshake])[],
): Promise<Handshake> {
  const answers = await Promise.all(submissions.map(([client, one]) => client.submit(one)));
  const won = answers.flatMap((answer, i) => (answer.kind === "accepted" ? [{ answer, i }] : []));
  is(won.length, 1, `accepted of ${submissions.length} handshakes after the same one`);
  const { answer, i } = won[0]!;
  const winner = submissions[i]![1];
  for (const other of answers) if (other !== answer) stale(other, winner, answer.cursor);
  group.accepted(winner, answer.cursor);
  return winner;
}

export const handshakeChecks: Record<string, Definition> = {
  "handshakes: of many at once one is accepted": needing(["order"], async (room) => {
    const clients = await room.connectMany(6);
    const group = await room.group(clients[0]!);
    const start = group.last;
    const won: string[] = [];
    for (const _ of numbers(4)) {
      const submissions = clients.map(async (client) => [client, await group.handshake()] as const);
      won.push((await race(group, await Promise.all(submissions))).id);
    }
    is(ids(await group.log(clients[1]!, start)), won, "handshakes in the log");
  }),

  "handshakes: of many at once one makes a group": needing(["order", "any sender"], async (room) => {
    const clients = await room.connectMany(4);
    const group = await room.newGroup();
    const submissions = clients.map(async (client) => [client, await group.handshake()] as const);
    const { id } = await race(group, await Promise.all(submissions));
    is(ids(await group.log(clients[0]!)), [id], "the log");
  }),

  "handshakes: a late one is told what came first, not what came last": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.newGroup();
    const chain = [];
    for (const _ of numbers(4)) {
      chain.push(await group.commit(alice));
      await group.send(alice);
    }
    for (const [i, first] of chain.entries()) {
      const after = chain[i - 1]?.cursor ?? "";
      const late = await group.handshake({ after, key: group.key.source });
      stale(await alice.submit(late), first.submission, first.cursor);
    }
    is((await group.log(alice, group.last)).length, 1, "entries after the last handshake: one message");
  }),

  "handshakes: messages make none late": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    for (const many of [1, 3]) {
      await group.sendMany(alice, many);
      await group.commit(alice);
    }
  }),

  "handshakes: the next one may end the same epoch once more": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const { epoch } = group;
    await group.commit(alice);
    await group.commit(alice, { epoch });
  }),

  "handshakes: groups have chains of their own": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const groups = [await room.group(alice), await room.group(alice)];
    for (const _ of numbers(3)) for (const group of groups) await group.commit(alice);
  }),

  "handshakes: none follows what is no handshake": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const message = await group.send(alice);
    const other = await room.group(alice);
    const elsewhere = await other.commit(alice);
    for (const after of [message.cursor, "no cursor of this service", elsewhere.cursor]) {
      const handshake = await group.handshake({
        after,
        message: group.framed("after what is no handshake", "commit"),
      });
      const answer = await alice.submit(handshake).catch(() => undefined);
      // A cursor of another group may be the same as one of this group.
      if (answer?.kind === "accepted" && after !== group.last)
        fail(`a handshake after ${after} was accepted; the last one is ${group.last}`);
      if (answer?.kind === "accepted") group.accepted(handshake, answer.cursor);
    }
    await group.commit(alice);
  }),

  "none: every handshake is accepted": needing(["no order"], async (room) => {
    const clients = await room.connectMany(3);
    is(clients[0]!.ordering, "none", "ordering");
    const group = await room.group(clients[0]!);
    const handshakes = await Promise.all(clients.map(() => group.handshake()));
    const answers = await Promise.all(clients.map((client, i) => client.submit(handshakes[i]!)));
    for (const { kind } of answers) is(kind, "accepted", "a handshake after the same one as others");
    const wanted = new Set(ids(handshakes));
    const reader = group.reader(clients[1]!);
    while (wanted.size > 0) wanted.delete((await reader.next()).id);
  }),

  "handshakes: the service says that it orders": needing(["order"], async (room) => {
    is((await room.connect("alice")).ordering, "service", "ordering");
  }),
};
