// RFC 9420 §12.4.3: joining by a Welcome and by an external commit, also to come back.
import { MlsError } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { Broken, hold } from "../broken.js";
import type { Process } from "../device.js";
import type { Entry } from "../letter.js";
import type { Room } from "../room.js";
import { type Action, isUnknown, refused, type Scene, told } from "./action.js";
import { submitted } from "./commit.js";
import { forgetExpired, lookAtKeyPackages } from "./key-packages.js";

/** Takes a Welcome. */
export async function join(scene: Scene, entry: Entry): Promise<boolean> {
  const { world, device, step, numbers, tab } = scene;
  const { letter } = entry;
  const { room, bytes, ratchetTree, epoch } = letter;
  const former = device.memberships.get(room);
  // Of an earlier membership, or one that ended since: who is in the group doesn't join it.
  if (former !== undefined && former.since >= epoch) return device.inbox.delete(letter.id);
  const replace = numbers.once(3);
  const looksFirst = numbers.once(3);
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const { client } = process;
    if (!looksFirst) return client.join(bytes, { ratchetTree, replace });
    const staged = await client.readWelcome(bytes, { ratchetTree });
    try {
      return await staged.join({ replace });
    } catch (error) {
      // Where another process was first, it was discarded with its group.
      await staged.discard().catch(() => undefined);
      throw error;
    }
  });
  if (outcome.kind === "answer") {
    device.inbox.delete(letter.id);
    world.enter(device, room, outcome.value, epoch);
    world.count("joins by Welcome");
    await lookAtKeyPackages(scene, { uses: true });
  } else if (isUnknown(outcome)) {
    await rejoined(scene, room, epoch);
    await lookAtKeyPackages(scene, { mayUse: device.wasMade });
  } else if (outcome.kind === "error") {
    const { code } = outcome.error;
    if (code === "group-exists" && !replace && former?.status === "active") return true;
    // The key package was deleted, or it expired long ago.
    if (code !== "not-invited") throw refused(device, "join", outcome.error);
    device.inbox.delete(letter.id);
    world.count("late Welcomes");
    forgetExpired(device, world.now);
    hold(device.hasLost, "an invitation isn't lost", () => device.name);
  }
  return true;
}

/** After a join without an end: the device is in the group as before, or by the Welcome. */
async function rejoined(scene: Scene, room: Room, epoch: number): Promise<void> {
  const { world, device, tab } = scene;
  world.count("recovered");
  const before = device.memberships.get(room);
  const outcome = await device.insist(tab, undefined, (process) => device.fresh(process, room));
  if (outcome.kind !== "answer") throw new Broken("a device can go on after a crash", told(outcome));
  const group = outcome.value;
  const hasJoined = group?.active === true && Number(group.epoch) === epoch && before?.epoch !== epoch;
  if (!hasJoined) {
    const isAsBefore = before === undefined ? group === undefined : group !== undefined;
    hold(isAsBefore, "a join is made wholly or not at all", () => `${device.name} in room ${room.n}`);
    return;
  }
  hold(device.wasMade, "a join is made wholly or not at all", () => `${device.name} in room ${room.n}`);
  world.enter(device, room, group, epoch);
}

/** Joins by the newest GroupInfo, and replaces what is left of a former membership. */
export const external: Action = async (scene) => {
  const { world, device, step, tab, numbers } = scene;
  const room = world.rooms.get(step.room ?? -1);
  const groupInfo = room?.groupInfo;
  if (room === undefined || groupInfo === undefined) return false;
  const former = device.memberships.get(room);
  if (former?.status === "active" && former.epoch === room.epoch) return false;
  const { epoch } = groupInfo;
  let isTaken = false;
  const inSteps = numbers.once(2);
  const outcome = await device.insist(tab, step.fate, async ({ client, connection }) => {
    // A process that stands still in between has its fate at the second write.
    const { fate } = connection;
    if (inSteps) connection.fate = undefined;
    const { group, staged } = await joinByExternalCommit(client, groupInfo.bytes, {
      resync: "if-member",
      replace: true,
    });
    if (inSteps) connection.fate = fate;
    isTaken ||= submitted(world, device, room, staged);
    if (isTaken) await staged.merge();
    else await staged.discard();
    return group;
  });
  room.listeners.add(device);
  if (outcome.kind === "answer") {
    if (isTaken) {
      world.enter(device, room, outcome.value, room.epoch);
      world.count("joins by external commit");
    } else world.count("lost races");
  } else if (isUnknown(outcome)) await goOnJoining(scene, room, isTaken, epoch + 1);
  else if (outcome.kind === "error") throw refused(device, "join by an external commit", outcome.error);
  return true;
};

/** After an external join without an end: merges it if the delivery service took it, and else gives it up. */
async function goOnJoining(scene: Scene, room: Room, isTaken: boolean, epoch: number): Promise<void> {
  const { world, device, tab } = scene;
  world.count("recovered");
  const outcome = await device.insist(tab, undefined, (process) => finishJoin(process, room, isTaken));
  if (outcome.kind !== "answer")
    throw new Broken("a device can go on after a crash", `${device.name}: ${told(outcome)}`);
  if (!isTaken) return;
  const found = await device.insist(tab, undefined, (process) => device.fresh(process, room));
  const group = found.kind === "answer" ? found.value : undefined;
  const isIn = group?.active === true && Number(group.epoch) === epoch;
  hold(isIn, "who has joined is in the group", () => `${device.name} in room ${room.n}`);
  world.enter(device, room, group, epoch);
  world.count("joins by external commit");
}

async function finishJoin({ client }: Process, room: Room, isTaken: boolean): Promise<void> {
  const joining = await client.group(room.id, { joining: true });
  const [staged] = joining?.staged ?? [];
  if (joining?.active !== false || staged === undefined) return;
  if (!isTaken) return staged.discard();
  // It doesn't know any more that it replaces the other one.
  const isThere = client
    .knownGroups()
    .some(({ groupId, status }) => status !== "joining" && Buffer.compare(groupId, room.id) === 0);
  if (isThere) await client.deleteGroup(room.id);
  try {
    await staged.merge();
  } catch (error) {
    if (!(error instanceof MlsError) || error.code !== "past-epoch") throw error;
  }
}
