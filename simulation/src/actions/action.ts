// What all kinds of steps share.
import type { Group, MlsError } from "@copse/core";
import { Broken, hold } from "../broken.js";
import { type Device, isUnknown, type Membership, type Outcome, type Process } from "../device.js";
import type { Numbers } from "../numbers.js";
import type { Room } from "../room.js";
import type { Step } from "../step.js";
import type { World } from "../world.js";

export { isUnknown };

/** What a step is taken with. */
export interface Scene {
  readonly world: World;
  readonly device: Device;
  readonly step: Step;
  /** Choices that aren't in the step. */
  readonly numbers: Numbers;
  /** The process of the device. */
  readonly tab: number;
}

/** A step in a room. */
export interface RoomScene extends Scene {
  readonly room: Room;
  readonly membership: Membership;
}

/** @returns whether it did something */
export type Action = (scene: Scene) => Promise<boolean>;

/** An action of an active member. */
export function asMember(action: (scene: RoomScene) => Promise<boolean>): Action {
  return async (scene) => {
    const room = scene.world.rooms.get(scene.step.room ?? -1);
    const membership = room && scene.device.memberships.get(room);
    if (room === undefined || membership?.status !== "active") return false;
    return action({ ...scene, room, membership });
  };
}

/** The group of a membership: what a device was told that it has, it has. */
export async function need(device: Device, process: Process, room: Pick<Room, "id" | "n">): Promise<Group> {
  const group = await device.group(process, room);
  hold(group !== undefined, "no membership is lost", () => `${device.name} isn't in room ${room.n} any more`);
  return group;
}

export function refused(device: Device, what: string, error: MlsError): Broken {
  const blamed = error.proposal === undefined ? "" : ` (proposal of type ${error.proposal.type})`;
  const particulars = `${device.name} can't ${what}: ${error.code}: ${error.message}${blamed}`;
  return new Broken(`what is allowed is done, not refused with ${error.code}`, particulars, { cause: error });
}

/**
 * Looks what a device has in a room after a call that nobody knows the end of: what it had, or the next state.
 * @param mayMove whether the call could have entered the next epoch
 */
export async function recover(
  { world, device, step, tab }: Scene,
  room: Room,
  mayMove: boolean,
): Promise<Group | undefined> {
  world.count("recovered");
  const before = device.memberships.get(room);
  const outcome = await device.insist(tab, undefined, (process) => device.fresh(process, room));
  if (outcome.kind !== "answer")
    throw new Broken("a device can go on after a crash", `${device.name}: ${told(outcome)}`);
  const group = outcome.value;
  if (before === undefined) return group;
  hold(group !== undefined, "no membership is lost", () => `${device.name} isn't in room ${room.n} any more`);
  const isRemoved = !group.active;
  const epoch = Number(group.epoch);
  const moved = epoch !== before.epoch || isRemoved !== (before.status === "removed");
  const isExpected = !moved || (mayMove && device.wasMade && (isRemoved || epoch === before.epoch + 1));
  hold(isExpected, "nothing acknowledged is lost, and nothing else is there", () => {
    return `${device.name} in room ${room.n}: expected epoch ${before.epoch}, got ${epoch} (${step.fate})`;
  });
  if (moved) world.enter(device, room, group);
  return group;
}

export function told<T>(outcome: Outcome<T>): string {
  return outcome.kind === "error" ? `${outcome.error.code}: ${outcome.error.message}` : outcome.kind;
}
