// RFC 9420 §11, §16.2: how devices and groups begin and end, and what stands still or is switched off meanwhile.
import { Broken, hold } from "../broken.js";
import type { Device } from "../device.js";
import { agree } from "../forks/agree.js";
import type { Room } from "../room.js";
import type { World } from "../world.js";
import { type Action, isUnknown, need, refused, type Scene, told } from "./action.js";
import { deliver } from "./deliver.js";
import { look } from "./look.js";

export const create: Action = async (scene) => {
  const { world, device, step, numbers, tab } = scene;
  const id = numbers.bytes(8);
  const outcome = await device.insist(tab, step.fate, ({ client }) => client.createGroup({ groupId: id }));
  if (outcome.kind === "answer") world.enter(device, world.createRoom(id, device), outcome.value);
  else if (isUnknown(outcome)) await lookForGroup(scene, id);
  else if (outcome.kind === "error") throw refused(device, "create a group", outcome.error);
  world.count("groups");
  return true;
};

/** A group whose creation had no end is there, or isn't. */
async function lookForGroup({ world, device, tab }: Scene, id: Uint8Array): Promise<void> {
  const outcome = await device.insist(tab, undefined, ({ client }) => client.group(id));
  if (outcome.kind !== "answer") throw new Broken("a device can go on after a crash", told(outcome));
  hold(
    (outcome.value !== undefined) === device.wasMade,
    "a group is made wholly or not at all",
    () => device.name,
  );
  if (outcome.value !== undefined) world.enter(device, world.createRoom(id, device), outcome.value);
}

/** The process is ended while it does nothing, and another one finds what it left. */
export const crash: Action = async (scene) => {
  const { world, device, tab } = scene;
  await device.restart(device.process(tab));
  device.hasCrashed = true;
  world.count("restarts");
  return look(scene);
};

/** Opens the state a second time, as a second tab does. */
export const open: Action = async ({ world, device }) => {
  if (device.processes.length > 1) return false;
  device.processes = [...device.processes, await device.open()];
  device.hadTwo = true;
  world.count("second openers");
  return true;
};

/** One of the two goes, without a word. */
export const shut: Action = async ({ device, tab }) => {
  if (device.processes.length === 1) return false;
  const gone = device.process(tab);
  gone.connection.kill();
  device.processes = device.processes.filter((one) => one !== gone);
  return true;
};

/** Minutes to days pass. */
export const wait: Action = async ({ world, numbers }) => {
  world.waited += numbers.once(4) ? numbers.below(2 * 24 * 3_600_000) : numbers.below(600_000);
  return true;
};

/** Deletes a group: one that the device was removed from, or all of a room that ends. */
export const leave: Action = async (scene) => {
  const { world, step } = scene;
  const room = world.rooms.get(step.room ?? -1);
  if (room === undefined) return false;
  const membership = scene.device.memberships.get(room);
  if (membership !== undefined) {
    if (membership.status !== "removed" && room.isMember(scene.device)) return false;
    await deleteGroup(scene, room);
  } else if (room.isMember(scene.device)) return false;
  forget(scene.device, room);
  return true;
};

async function deleteGroup({ world, device, step, tab }: Scene, room: Room): Promise<void> {
  const outcome = await device.insist(tab, step.fate, async (process) => {
    await need(device, process, room);
    return process.client.deleteGroup(room.id);
  });
  if (outcome.kind === "error" && !isUnknown(outcome)) throw refused(device, "delete a group", outcome.error);
  world.count("deleted groups");
  if (!isUnknown(outcome)) return;
  const again = await device.insist(tab, undefined, async (process) => {
    const isThere = (await device.group(process, room)) !== undefined;
    hold(isThere !== device.wasMade, "a group is deleted wholly or not at all", () => device.name);
    return isThere && process.client.deleteGroup(room.id);
  });
  if (again.kind !== "answer") throw new Broken("a device can go on after a crash", told(again));
}

/** The device gets nothing more of a room. */
function forget(device: Device, room: Room): void {
  device.memberships.delete(room);
  room.listeners.delete(device);
  for (const [id, { letter }] of device.inbox) if (letter.room === room) device.inbox.delete(id);
}

/** How often everything that is there is delivered: who lost a commit gets it again. */
const ROUNDS = 30;

/** Delivers all that there is of a room: then all members are in one epoch. */
export async function settle(scene: Scene, room: Room): Promise<void> {
  const { world } = scene;
  const listeners = [...room.listeners];
  // Once more when all are there: what came too early before can be read then.
  for (let i = 0, rest = ROUNDS; i < rest; i++) {
    let count = 0;
    for (const device of listeners) {
      for (const [id, { letter }] of device.inbox) {
        if (letter.room !== room) continue;
        const step = { ...scene.step, letter: id, fate: undefined };
        world.at = { device, room };
        if (await deliver({ ...scene, device, step, tab: 0 })) count++;
      }
    }
    if (count === 0) break;
    if (listeners.every((device) => isThere(device, room))) rest = Math.min(rest, i + 2);
  }
  for (const device of listeners) {
    const membership = device.memberships.get(room);
    if (membership?.status !== "active") continue;
    world.at = { device, room };
    hold(isThere(device, room), "all members come to the same epoch", () => {
      return `${device.name} stays in epoch ${membership.epoch}, not ${room.epoch}, of room ${room.n}`;
    });
    const { group } = await present(device, room);
    room.arrived(device, membership, group);
  }
  world.count("settled");
}

function isThere(device: Device, room: Room): boolean {
  const membership = device.memberships.get(room);
  return membership?.status !== "active" || membership.epoch === room.epoch;
}

async function present(device: Device, room: Room) {
  const process = device.process(0);
  if (device.hadTwo) await process.client.refresh();
  return { group: await need(device, process, room) };
}

export const settleRoom: Action = async (scene) => {
  const room = scene.world.rooms.get(scene.step.room ?? -1);
  if (room === undefined) return false;
  await settle(scene, room);
  return true;
};

/** At the end all rooms come to rest, and all devices have nothing but what they need. */
export async function finish(world: World, scene: Scene): Promise<void> {
  for (const room of world.rooms.values()) await settle(scene, room);
  for (const room of [...world.forked.values()]) {
    const [device] = room.members.keys();
    if (device !== undefined)
      await agree({ ...scene, device, tab: 0, step: { ...scene.step, room: room.n } });
  }
  for (const device of world.devices) {
    if (device.processes.length === 0) continue;
    world.at = { device, room: undefined };
    await look({ ...scene, device, tab: 0, step: { ...scene.step, by: device.n } });
  }
}
