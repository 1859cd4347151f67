// RFC 9420 §12.4, §14: making commits, and handing them to the delivery service.
import type { Group, StagedCommit } from "@copse/core";
import { hold } from "../broken.js";
import { type Device, PSK } from "../device.js";
import type { Letter } from "../letter.js";
import { nameOf, type Room } from "../room.js";
import type { World } from "../world.js";
import { asMember, isUnknown, need, recover, refused } from "./action.js";

export function leafOf(group: Group, name: string): number | undefined {
  return group.members.find((member) => nameOf(member) === name)?.leafIndex;
}

export const commit = asMember(async (scene) => {
  const { world, device, step, numbers, tab, room, membership } = scene;
  if (membership.isCommitting) return false;
  const known = room.epochs.get(membership.epoch)?.members;
  const offered = (step.add ?? [])
    .map((n) => world.use(n))
    .filter((one) => one !== undefined && known?.has(one.device.name) === false);
  const added = [...new Map(offered.map((one) => [one?.device, one])).values()];
  const [psk, path] = [numbers.once(8), numbers.once(2)];
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const leaf = step.remove === undefined ? undefined : leafOf(group, `d${step.remove}`);
    const remove = leaf === undefined || leaf === group.ownLeafIndex ? [] : [leaf];
    const staged = await group.commit({
      add: added.flatMap((one) => one?.bytes ?? []),
      remove,
      psks: psk ? [{ external: PSK }] : [],
      forcePath: path,
    });
    const gone = staged.removed.map(({ leafIndex }) => leafIndex);
    hold(
      remove.every((one) => gone.includes(one)),
      "a commit does what it was asked for",
      () => device.name,
    );
    return staged;
  });
  if (outcome.kind === "answer") {
    membership.isCommitting = true;
    world.count("commits");
  } else if (isUnknown(outcome)) {
    const group = await recover(scene, room, false);
    membership.isCommitting = group?.hasPendingCommit === true;
  } else if (outcome.kind === "error") throw refused(device, "commit", outcome.error);
  // Whoever may be added gets what is sent from now on.
  for (const one of added) if (one !== undefined) room.listeners.add(one.device);
  return true;
});

/** Hands a staged commit to the delivery service. @returns whether it was taken */
export function submitted(world: World, device: Device, room: Room, staged: StagedCommit): boolean {
  const epoch = Number(staged.epoch) - 1;
  if (epoch !== room.epoch) return false;
  const { welcome, ratchetTree } = staged;
  const before = room.members;
  const gone = new Set(staged.removed.map(nameOf));
  const added = staged.added.map(nameOf);
  const members = new Set([...before].filter((name) => !gone.has(name)).concat(added));
  const of = { room, from: device };
  room.accept(world.letter({ ...of, kind: "commit", bytes: staged.commit, epoch }), members);
  world.count("accepted");
  world.count("removals", gone.size);
  if (welcome === undefined) return true;
  const invitation: Letter = world.letter({
    ...of,
    kind: "welcome",
    bytes: welcome,
    epoch: room.epoch,
    ratchetTree,
  });
  for (const one of world.devices) {
    if (one === device || !added.includes(one.name)) continue;
    room.listeners.add(one);
    one.inbox.set(invitation.id, { letter: invitation, taken: "no" });
  }
  return true;
}

/** Hands over the own commit, and merges it if it was taken. */
export const submit = asMember(async (scene) => {
  const { world, device, step, numbers, tab, room, membership } = scene;
  if (!membership.isCommitting) return false;
  const [byMessage, discards, informs] = [numbers.once(3), numbers.once(2), numbers.once(2)];
  let isTaken = false;
  let groupInfo: Uint8Array | undefined;
  const outcome = await device.insist(tab, step.fate, async (process) => {
    let group = await need(device, process, room);
    let staged = group.staged.find(({ own }) => own);
    if (device.hadTwo && Number(staged?.epoch) !== membership.epoch + 1) {
      // The other process has made it, also if this one has one of an epoch that the other has ended.
      group = (await device.fresh(process, room)) ?? group;
      staged = group.staged.find(({ own }) => own);
    }
    hold(staged !== undefined, "no staged commit is lost", () => `${device.name} in room ${room.n}`);
    // Once only: another try of this call has handed it over.
    if (!isTaken) {
      if (informs && staged.active) groupInfo = await staged.groupInfo();
      isTaken = submitted(world, device, room, staged);
    }
    if (isTaken) await (byMessage ? group.receive(staged.commit) : staged.merge());
    else if (discards) await staged.discard();
    return group;
  });
  if (isTaken && groupInfo !== undefined) room.groupInfo = { epoch: room.epoch, bytes: groupInfo };
  if (!isTaken) world.count("lost races");
  if (outcome.kind === "answer") {
    if (isTaken) {
      world.enter(device, room, outcome.value);
      if (!numbers.once(4)) removeOwn(device, room);
    } else if (discards) membership.isCommitting = false;
  } else if (isUnknown(outcome)) {
    const group = await recover(scene, room, isTaken);
    const now = device.memberships.get(room);
    if (now !== undefined) now.isCommitting = group?.hasPendingCommit === true;
  } else if (outcome.kind === "error") throw refused(device, "merge", outcome.error);
  return true;
});

/** The own commit needn't come back. */
function removeOwn({ inbox }: Device, room: Room): void {
  const letter = room.log.get(room.epoch - 1);
  if (letter !== undefined) inbox.delete(letter.id);
}
