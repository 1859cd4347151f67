// RFC 9420 §12.4, §14: what members of a room without order make: the group, messages, and commits, several of an epoch.

import { type Action, isUnknown, need, refused, type Scene, told } from "../actions/action.js";
import { leafOf } from "../actions/commit.js";
import { lookAtKeyPackages } from "../actions/key-packages.js";
import { opening } from "../actions/send.js";
import { Broken, hold } from "../broken.js";
import type { Device } from "../device.js";
import { latin1 } from "../numbers.js";
import { nameOf } from "../room.js";
import { type Branch, ForkedRoom, MAX_LENGTH, Member } from "./tree.js";

/** A step of a member. */
export interface ForkScene extends Scene {
  readonly room: ForkedRoom;
  readonly member: Member;
}

export function asForked(action: (scene: ForkScene) => Promise<boolean>): Action {
  return async (scene) => {
    const room = scene.world.forked.get(scene.step.room ?? -1);
    const member = room?.members.get(scene.device);
    return room !== undefined && member !== undefined && action({ ...scene, room, member });
  };
}

/** Compares what a device has after a call without an end, or after one that was refused, with what it must have. */
export async function verify({ world, device, tab, room, member }: ForkScene): Promise<void> {
  world.count("recovered");
  const outcome = await device.insist(tab, undefined, async (process) => {
    const group = await device.fresh(process, room);
    hold(
      group !== undefined,
      "no membership is lost",
      () => `${device.name} isn't in room ${room.n} any more`,
    );
    member.compare(group);
  });
  if (outcome.kind !== "answer")
    throw new Broken("a device can go on after a crash", `${device.name}: ${told(outcome)}`);
}

/** A group of devices that keep epochs, all of whom join at once. */
export const found: Action = async (scene) => {
  const { world, device, step, numbers, tab } = scene;
  if (!device.rewinds) return false;
  const offered = (step.add ?? []).flatMap((n) => world.use(n) ?? []);
  const others = new Map(
    offered.filter((one) => one.device !== device && one.device.rewinds).map((one) => [one.device, one]),
  );
  if (others.size === 0) return false;
  const id = numbers.bytes(8);
  const outcome = await device.insist(tab, undefined, async ({ client }) => {
    const group = (await client.group(id)) ?? (await client.createGroup({ groupId: id }));
    const staged = await group.add(Array.from(others.values(), ({ bytes }) => bytes));
    await staged.merge();
    return { welcome: staged.welcome as Uint8Array, members: group.members.map(nameOf) };
  });
  if (outcome.kind === "error") throw refused(device, "found a group", outcome.error);
  if (outcome.kind === "crash") return true;
  const { welcome, members } = outcome.value;
  const bytes = new Uint8Array();
  const root: Branch = {
    id: `${step.n}`,
    kind: "commit",
    epoch: 1,
    bytes,
    parent: undefined,
    members: new Set(members),
    fact: undefined,
  };
  const room = new ForkedRoom(step.n, id, root);
  world.forked.set(room.n, room);
  takeSeat(room, device);
  for (const other of others.keys()) await join({ ...scene, device: other, tab: 0 }, room, welcome);
  for (const [of, member] of room.members) await verify({ ...scene, device: of, tab: 0, room, member });
  world.count("groups without order");
  return true;
};

function takeSeat(room: ForkedRoom, device: Device): void {
  const member = new Member(room, device);
  room.members.set(device, member);
  device.forked.set(room.n, member);
}

async function join(scene: Scene, room: ForkedRoom, welcome: Uint8Array): Promise<void> {
  const { device, tab } = scene;
  const outcome = await device.insist(tab, undefined, ({ client }) => client.join(welcome));
  if (outcome.kind === "error") {
    // The key package was deleted, or it expired long ago.
    if (outcome.error.code !== "not-invited") throw refused(device, "join", outcome.error);
    return;
  }
  takeSeat(room, device);
  await lookAtKeyPackages(scene, { uses: true });
}

export const tell = asForked(async (scene) => {
  const { world, device, step, numbers, tab, room, member } = scene;
  if (!member.isActive) return false;
  const id = `${step.n}.0`;
  const data = Buffer.concat([Buffer.from(opening(id)), numbers.bytes(numbers.below(120))]);
  const outcome = await device.insist(tab, step.fate, async (process) =>
    (await need(device, process, room)).encrypt(data),
  );
  if (outcome.kind === "answer") {
    world.note(outcome.value);
    world.count("messages without order");
    room.post({ id, kind: "application", bytes: outcome.value, branch: member.at, from: device });
  } else if (isUnknown(outcome)) await verify(scene);
  else if (outcome.kind === "error") throw refused(device, "send", outcome.error);
  return true;
});

/** Commits, and doesn't wait for anybody. */
export const fork = asForked(async (scene) => {
  const { device, step, numbers, tab, room, member } = scene;
  const { at } = member;
  if (!member.isActive || room.isFull || at.epoch - room.root.epoch >= MAX_LENGTH) return false;
  const others = [...at.members].filter((name) => name !== device.name);
  const gone = others.length > 1 && numbers.once(4) ? numbers.pick(others) : undefined;
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const leaf = gone === undefined ? undefined : leafOf(group, gone);
    const remove = leaf === undefined ? [] : [leaf];
    return (await group.commit({ remove, forcePath: true, replacePending: true })).commit;
  });
  if (outcome.kind === "answer") publish(scene, outcome.value, gone);
  else if (isUnknown(outcome)) {
    const bytes = await commitMade(scene);
    hold(
      (bytes !== undefined) === device.wasMade,
      "a commit is made wholly or not at all",
      () => device.name,
    );
    if (bytes !== undefined) publish(scene, bytes, gone);
    await verify(scene);
  } else if (outcome.kind === "error") throw refused(device, "commit", outcome.error);
  return true;
});

/** The own commit that nobody knows yet. */
async function commitMade({ device, tab, room, member }: ForkScene): Promise<Uint8Array | undefined> {
  const known = new Set(Array.from(member.known, ({ bytes }) => latin1(bytes)));
  const outcome = await device.insist(tab, undefined, async (process) => {
    const staged = (await device.fresh(process, room))?.staged ?? [];
    return staged.find(({ own, commit }) => own && !known.has(latin1(commit)))?.commit;
  });
  return outcome.kind === "answer" ? outcome.value : undefined;
}

function publish(
  { world, step, room, member }: ForkScene,
  bytes: Uint8Array,
  gone: string | undefined,
): void {
  const { at } = member;
  const members = new Set([...at.members].filter((name) => name !== gone));
  const id = `${step.n}.0`;
  const branch: Branch = {
    id,
    kind: "commit",
    epoch: at.epoch + 1,
    bytes,
    parent: at,
    members,
    fact: undefined,
  };
  world.note(bytes);
  world.count("branches");
  room.branches.add(branch);
  room.post(branch);
  member.known.add(branch);
}
