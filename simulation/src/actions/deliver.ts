// RFC 9420 §14, §15: what arrives is read once, by whom it is for, and by nobody else.
import { type Group, MlsError, type Received } from "@copse/core";
import { Broken, hold } from "../broken.js";
import type { Device, Process } from "../device.js";
import { expectedOf } from "../expected.js";
import type { Entry, Letter } from "../letter.js";
import { latin1 } from "../numbers.js";
import { nameOf } from "../room.js";
import { type Action, isUnknown, need, type RoomScene, recover, type Scene, told } from "./action.js";
import { join } from "./join.js";
import { opening } from "./send.js";

/** How many read letters a device tries again. */
const CONSUMED = 30;

export const deliver: Action = async (scene) => {
  const { device, step } = scene;
  const entry = device.inbox.get(step.letter ?? "");
  if (entry === undefined) return false;
  if (entry.letter.kind === "welcome") return join(scene, entry);
  const { room } = entry.letter;
  const membership = device.memberships.get(room);
  if (membership === undefined) return false;
  return receive({ ...scene, room, membership }, entry);
};

async function receive(scene: RoomScene, entry: Entry): Promise<boolean> {
  const { world, device, step, numbers, tab, room, membership } = scene;
  const { letter } = entry;
  const expected = expectedOf(device, membership, entry);
  const [stays, looksFirst] = [numbers.once(10), numbers.once(4)];
  let used: readonly Uint8Array[] = [];
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const received = await take(group, entry, looksFirst && letter.kind === "commit");
    used = process.watch.opened;
    return { group, received };
  });
  const isIt = (what: string) => expected.includes(what);
  if (isUnknown(outcome)) {
    if (device.wasMade && expected.some((one) => READ.has(one))) consumed(scene, entry, []);
    await lookAfter(scene, entry);
    return true;
  }
  if (outcome.kind === "error") {
    const { code } = outcome.error;
    if (!isIt(code)) throw unexpected(scene, entry, expected, told(outcome));
    world.count(`refused: ${code}`);
    if (isDone(device, letter, outcome.error) && !stays) device.inbox.delete(letter.id);
    return true;
  }
  if (outcome.kind === "crash") return true;
  const { group, received } = outcome.value;
  if (!isIt(received.kind)) throw unexpected(scene, entry, expected, received.kind);
  world.count(`received: ${received.kind}`);
  check(scene, entry, received);
  if (received.kind === "commit") world.enter(device, room, group);
  if (received.kind === "proposal") membership.proposals.add(letter.id);
  if (READ.has(received.kind)) consumed(scene, entry, used);
  if (!stays) device.inbox.delete(letter.id);
  return true;
}

/** Whether a letter that was refused needn't be kept: for who comes back by a Welcome that waits, some may yet be. */
export function isDone({ inbox }: Device, { room, epoch }: Letter, { code, retry }: MlsError): boolean {
  if (retry === "later") return false;
  const leadsThere = ({ letter }: Entry) =>
    letter.kind === "welcome" && letter.room === room && letter.epoch <= epoch;
  return code !== "removed" || ![...inbox.values()].some(leadsThere);
}

/** What uses a key up. */
export const READ: ReadonlySet<string> = new Set(["application", "proposal", "commit"]);

async function take(group: Group, { letter }: Entry, looksFirst: boolean): Promise<Received> {
  if (!looksFirst || !group.active || Number(group.epoch) !== letter.epoch)
    return group.receive(letter.bytes);
  try {
    return await (await group.stage(letter.bytes)).merge();
  } catch (error) {
    // Another process has merged it meanwhile: then it is read as the one that ended its epoch.
    if (error instanceof MlsError && Number(group.epoch) > letter.epoch) return group.receive(letter.bytes);
    throw error;
  }
}

/** What was read must never be read again. */
export function consumed({ device }: Scene, entry: Entry, used: readonly Uint8Array[]): void {
  entry.taken = "yes";
  if (entry.letter.kind === "application") {
    device.consumed.push(entry);
    if (device.consumed.length > CONSUMED) device.consumed.shift();
  }
  device.keepUsed(used);
}

/** After a call without an end: the state is that before the letter, or that after it. */
async function lookAfter(scene: RoomScene, { letter }: Entry): Promise<void> {
  const { device, room, membership } = scene;
  const group = await recover(scene, room, letter.kind === "commit");
  if (letter.kind !== "proposal" || group === undefined) return;
  const count = group.proposals.length;
  const expected = membership.proposals.size;
  hold(count === expected || (count === expected + 1 && device.wasMade), "no proposal is lost", () => {
    return `${device.name} has ${count} proposals, not ${expected}`;
  });
  if (count > expected) membership.proposals.add(letter.id);
}

export function check(
  { world, device, room }: RoomScene,
  { letter, taken }: Entry,
  received: Received,
): void {
  const where = () => `${device.name} reads ${letter.id} of epoch ${letter.epoch} in room ${room.n}`;
  if (received.kind !== "application") return;
  hold(
    room.epochs.get(letter.epoch) === undefined || room.isMember(device, letter.epoch),
    "who isn't a member reads nothing",
    where,
  );
  hold(taken !== "yes", "nothing is read twice", where);
  hold(latin1(received.data).startsWith(opening(letter.id)), "what is read is what was sent", where);
  hold(nameOf(received.sender) === letter.from.name, "the sender is who it was", where);
  world.note(device.name, letter.id);
}

export function unexpected(
  { device, room, membership }: RoomScene,
  { letter, taken }: Entry,
  expected: readonly string[],
  got: string,
): Broken {
  const { epoch, since, status } = membership;
  const invariant = expected.includes("application")
    ? "nothing acknowledged is lost"
    : got === "application"
      ? "nothing is read that was read, forgotten, or for others"
      : `expected ${expected.join(" or ")}, got another`;
  const state = `${status} in epoch ${epoch}, in since ${since}`;
  const what = `${letter.kind} ${letter.id} of epoch ${letter.epoch} by ${letter.from.name} (taken: ${taken})`;
  return new Broken(
    invariant,
    `${device.name} (${state}) in room ${room.n}, ${what}: expected ${expected.join(" or ")}, got ${got}`,
  );
}

/** Tries to read again what was read. */
export async function readAgain(process: Process, entry: Entry, group: Group): Promise<void> {
  const { letter } = entry;
  process.watch.begin();
  const received = await group.receive(letter.bytes).catch(() => undefined);
  hold(received?.kind !== "application", "what was consumed can't be read from any state", () => letter.id);
}

/** The network loses a letter. */
export const lose: Action = async ({ world, device, step }) => {
  const entry = device.inbox.get(step.letter ?? "");
  // What is ordered can be had again from the delivery service; proposals come with it.
  if (entry?.letter.kind !== "application") return false;
  world.count("lost on the way");
  return device.inbox.delete(entry.letter.id);
};
