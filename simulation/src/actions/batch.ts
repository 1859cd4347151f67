// RFC 9420 §14, §15: several letters of a group at once, in one write: each comes to what it would come to alone.
import type { Received } from "@copse/core";
import { MlsError } from "@copse/core";
import { Broken, hold } from "../broken.js";
import { expectedOf } from "../expected.js";
import type { Entry } from "../letter.js";
import { type Action, isUnknown, need, type RoomScene, told } from "./action.js";
import { check, consumed, isDone, READ, unexpected } from "./deliver.js";

/** How many letters are read at once. */
const MOST = 8;

/** What a letter came to. */
type Result = { readonly received: Received } | { readonly refused: MlsError };

export const batch: Action = async (scene) => {
  const { world, device, step, numbers, tab } = scene;
  const room = world.rooms.get(step.room ?? -1);
  const membership = room && device.memberships.get(room);
  if (room === undefined || membership === undefined) return false;
  const waiting = [...device.inbox.values()].filter(
    ({ letter }) => letter.room === room && letter.kind !== "welcome",
  );
  const entries = waiting.splice(0, 2 + numbers.below(MOST - 1));
  if (entries.length === 0) return false;
  // Not always in the order of their sending.
  if (numbers.once(3)) entries.push(...entries.splice(0, numbers.below(entries.length)));
  const stays = numbers.once(10);
  const ofRoom: RoomScene = { ...scene, room, membership };
  let used: readonly Uint8Array[] = [];
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const results = await group.receiveAll(entries.map(({ letter }) => letter.bytes));
    used = process.watch.opened;
    return { group, results: results.map(resultOf) };
  });
  world.count("batches received");
  if (isUnknown(outcome)) {
    await lookAfter(ofRoom, entries);
    return true;
  }
  if (outcome.kind === "error") throw new Broken("a batch isn't refused as a whole", told(outcome));
  if (outcome.kind === "crash") return true;
  const { group, results } = outcome.value;
  const before = membership.epoch;
  results.forEach((result, i) => {
    const entry = entries[i] as Entry;
    const kind = note(ofRoom, entry, result);
    const isOver = !("refused" in result) || isDone(device, entry.letter, result.refused);
    if (isOver && !stays) device.inbox.delete(entry.letter.id);
    world.count(`${"refused" in result ? "refused" : "received"}: ${kind}`);
  });
  // What was opened and refused isn't used up.
  if (results.every((result) => "received" in result && READ.has(result.received.kind)))
    device.keepUsed(used);
  if (membership.epoch !== before || membership.status === "removed")
    world.entered(device, membership, group);
  return true;
};

function resultOf(result: PromiseSettledResult<Received>): Result {
  if (result.status === "fulfilled") return { received: result.value };
  if (result.reason instanceof MlsError) return { refused: result.reason };
  throw new Broken("only MlsErrors are thrown", String(result.reason), { cause: result.reason });
}

/** Compares what a letter came to with what was to be expected after those before it. @returns what that is */
function note(scene: RoomScene, entry: Entry, result: Result): string {
  const { device, membership } = scene;
  const expected = expectedOf(device, membership, entry);
  const kind = "refused" in result ? result.refused.code : result.received.kind;
  if (!expected.includes(kind)) throw unexpected(scene, entry, expected, kind);
  if ("refused" in result) return kind;
  check(scene, entry, result.received);
  const isOut = result.received.kind === "commit" && !result.received.active;
  apply(scene, entry, kind, isOut);
  return kind;
}

/** The membership after a letter. @param isOut whether it was a commit that removed the device */
function apply(scene: RoomScene, entry: Entry, kind: string, isOut: boolean): void {
  const { membership } = scene;
  if (kind === "proposal") membership.proposals.add(entry.letter.id);
  if (READ.has(kind)) consumed(scene, entry, []);
  if (kind !== "commit") return;
  if (isOut) membership.status = "removed";
  else membership.epoch++;
  membership.proposals.clear();
  membership.isCommitting = false;
}

/** After a call without an end, all letters were read, or none. */
async function lookAfter(scene: RoomScene, entries: readonly Entry[]): Promise<void> {
  const { world, device, room, membership, tab, step } = scene;
  world.count("recovered");
  const outcome = await device.insist(tab, undefined, (process) => device.fresh(process, room));
  const group = outcome.kind === "answer" ? outcome.value : undefined;
  if (group === undefined) throw new Broken("no membership is lost", `${device.name}: ${told(outcome)}`);
  const epoch = Number(group.epoch);
  for (const entry of device.wasMade ? entries : []) {
    const [kind = ""] = expectedOf(device, membership, entry);
    const isLast = membership.epoch === epoch;
    // Of commits, the epoch says whether they were read: proposals may have been missing.
    if (READ.has(kind) && !(kind === "commit" && isLast && group.active))
      apply(scene, entry, kind, isLast && !group.active);
  }
  const got = [group.active ? "active" : "removed", epoch, group.active ? group.proposals.length : 0];
  const expected = [membership.status, membership.epoch, membership.proposals.size];
  hold(got.join() === expected.join(), "a batch is read wholly or not at all", () => {
    return `${device.name} in room ${room.n}: expected ${expected}, got ${got} (${step.fate})`;
  });
  world.entered(device, membership, group);
}
