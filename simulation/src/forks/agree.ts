// RFC 9420 §9.2, §14: all members of a room without order have the same messages: then they are in the same epoch, and have
// read what was sent on the way there. What they left is settled, or kept for the next time.
import { keptCommits, settle, stageOn } from "@copse/core/rewind";
import { isUnknown, need, refused } from "../actions/action.js";
import { Broken, hold } from "../broken.js";
import type { Fate } from "../disk.js";
import type { Numbers } from "../numbers.js";
import { asForked, type ForkScene, verify } from "./make.js";
import { goOver, place, read } from "./take.js";
import type { Branch, ForkedRoom } from "./tree.js";

/** How many read messages are tried again. */
const CONSUMED = 20;

export const agree = asForked(async (scene) => {
  const { world, room } = scene;
  const members = [...room.members].map(([device, member]): ForkScene => {
    const step = { ...scene.step, fate: undefined };
    return { ...scene, step, device, member, tab: 0 };
  });
  for (const one of members) await catchUp(one);
  const tip = members.find(({ member }) => member.isActive)?.member.at ?? room.root;
  const lost = [...room.branches].filter((one) => !lineOf(tip).includes(one));
  const settles = scene.numbers.once(2);
  for (const one of members) {
    const { device, member } = one;
    world.at = { device, room };
    hold(
      member.at === tip || !tip.members.has(device.name),
      "members with the same messages agree",
      () => `${device.name} is at ${member.at.id}, not ${tip.id}, of room ${room.n}`,
    );
    for (const message of member.waiting.values()) {
      const isFor = message.kind === "application" && member.isActive && member.isIn(message.branch);
      const isLost = isFor && (message.branch === room.root || lineOf(tip).includes(message.branch));
      hold(
        !isLost,
        "nothing acknowledged is lost",
        () => `${message.id} for ${device.name} in room ${room.n}`,
      );
    }
    if (!member.isActive) await leave(one);
    else if (settles) await end(one, lost, device === scene.device ? scene.step.fate : undefined);
  }
  begin(room, tip);
  world.count("agreed");
  if (room.members.size > 1) return true;
  for (const one of members) if (room.members.has(one.device)) await leave(one);
  world.forked.delete(room.n);
  return true;
});

function lineOf(tip: Branch): readonly Branch[] {
  const line: Branch[] = [];
  for (let one: Branch | undefined = tip; one !== undefined; one = one.parent) line.push(one);
  return line;
}

/** Takes all that is there, in any order, and goes to where the rule leads. */
async function catchUp(scene: ForkScene): Promise<void> {
  const { world, device, room, member, numbers } = scene;
  world.at = { device, room };
  for (let before = -1; before !== member.known.size; ) {
    before = member.known.size;
    for (const letter of mixed([...member.waiting.values()], numbers))
      if (letter.kind === "commit" && member.has(letter.parent)) await place(scene, letter);
  }
  if (member.at !== member.tip) await goOver(scene, member.tip, true);
  if (!member.isActive) return;
  for (const letter of mixed([...member.waiting.values()], numbers))
    if (letter.kind === "application" && member.isIn(letter.branch)) await read(scene, letter);
}

function mixed<T>(all: T[], numbers: Numbers): T[] {
  return numbers.once(2) ? all : all.reverse();
}

/** All start from where they are now. */
function begin(room: ForkedRoom, tip: Branch): void {
  Object.assign(tip, { parent: undefined });
  room.root = tip;
  room.branches.clear();
  for (const member of room.members.values()) {
    member.known.clear();
    member.entered.clear();
    member.waiting.clear();
    for (const id of [...member.consumed.keys()].slice(0, -CONSUMED)) member.consumed.delete(id);
  }
}

/** Who was removed deletes the group. */
async function leave({ device, room, tab }: ForkScene): Promise<void> {
  const outcome = await device.insist(tab, undefined, async (process) => {
    await need(device, process, room);
    return process.client.deleteGroup(room.id);
  });
  if (outcome.kind === "error") throw refused(device, "delete a group", outcome.error);
  room.members.delete(device);
  device.forked.delete(room.n);
}

/** Nothing is left of the branches, and of the epochs before. */
async function end(scene: ForkScene, lost: readonly Branch[], fate: Fate | undefined): Promise<void> {
  const { world, device, room, tab, member } = scene;
  const work = async (of: Fate | undefined) =>
    device.insist(tab, of, async (process) => settle(await need(device, process, room)));
  let outcome = await work(fate);
  if (isUnknown(outcome)) outcome = await work(undefined);
  if (outcome.kind === "error") throw refused(device, "settle", outcome.error);
  member.known.clear();
  const before = BigInt(member.at.epoch - 1);
  const looked = await device.insist(tab, undefined, async (process) => {
    const group = await need(device, process, room);
    hold(keptCommits(group).length === 0, "what is settled isn't kept", () => device.name);
    for (const { bytes, parent } of lost) {
      if (parent !== undefined && BigInt(parent.epoch) > before) continue;
      const code = await stageOn(group, bytes, { on: before }).then(
        () => "staged",
        (error: { code?: string }) => error.code,
      );
      hold(code === "forgotten", "what is settled isn't kept", () => `${device.name}: ${code}`);
    }
  });
  if (looked.kind !== "answer") throw new Broken("a device can go on after a crash", device.name);
  const values = device.disk.entries.map(({ value }) => Buffer.from(value));
  for (const { bytes, id } of lost)
    hold(
      !values.some((value) => value.includes(Buffer.from(bytes))),
      "settled branches leave nothing on the disk",
      () => id,
    );
  world.count("settled without order");
  await verify(scene);
}
