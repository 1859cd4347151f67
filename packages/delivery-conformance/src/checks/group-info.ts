// The newest GroupInfo of a group.
import type { DeliveryService } from "@copse/delivery/service";
import { type Definition, needing } from "../check.js";
import { otherMessage } from "../messages.js";
import type { TestGroup } from "../room.js";
import { fail, is, numbers, same } from "../tools.js";

async function has(client: DeliveryService, group: TestGroup, info: Uint8Array, handshake: string) {
  const got = await client.groupInfo(group.id);
  if (got === undefined) fail("groupInfo: expected one, got undefined");
  same(got.groupInfo, info, "groupInfo");
  is(got.handshake, handshake, "handshake of the GroupInfo");
}

const publish = (client: DeliveryService, group: TestGroup, info: Uint8Array, handshake: string) =>
  client.publishGroupInfo(group.id, { groupInfo: info, handshake }, group.key.source ?? (() => undefined));

const other = (text: string) => otherMessage("group info", text);

export const groupInfoChecks: Record<string, Definition> = {
  "group info: it is that of the newest handshake": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.newGroup();
    is(await alice.groupInfo(group.id), undefined, "groupInfo of an unknown group");
    for (const _ of numbers(3)) {
      const late = await group.handshake();
      const { cursor, submission } = await group.commit(alice);
      await has(alice, group, submission.groupInfo, cursor);
      // That of a handshake that isn't accepted, or was before, doesn't come.
      if (late.after !== "") await alice.submit({ ...late, key: group.key.source });
      await alice.submit(submission);
      await group.send(alice);
      await has(alice, group, submission.groupInfo, cursor);
    }
  }),

  "group info: another one takes its place": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    for (const text of ["second", "third"]) {
      is(await publish(alice, group, other(text), group.last), true, "publishGroupInfo");
      await has(alice, group, other(text), group.last);
    }
    const { submission, cursor } = await group.commit(alice);
    await has(alice, group, submission.groupInfo, cursor);
  }),

  "group info: none takes its place when another handshake has come": needing(["order"], async (room) => {
    const alice = await room.connect("alice");
    const group = await room.group(alice);
    const before = group.last;
    const { submission, cursor } = await group.commit(alice);
    is(await publish(alice, group, other("late"), before), false, "publishGroupInfo for an older handshake");
    await has(alice, group, submission.groupInfo, cursor);
  }),

  "group info: of two that come with a handshake, the handshake's stays": needing(["order"], async (room) => {
    const [alice, bob] = await room.pair();
    const group = await room.group(alice);
    for (const i of numbers(6)) {
      const before = group.last;
      const next = await group.handshake();
      const publishing = publish(bob, group, other(`at once ${i}`), before);
      const answer = await alice.submit(next);
      await publishing.catch(() => undefined);
      if (answer.kind !== "accepted") fail(`expected "accepted", got "${answer.kind}"`);
      group.accepted(next, answer.cursor);
      await has(alice, group, next.groupInfo, answer.cursor);
    }
  }),
};
