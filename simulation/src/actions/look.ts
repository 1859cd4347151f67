// RFC 9420 §9.2, §16.2: what a device has, as it sees it itself, and as somebody does who takes its disk.
import { hold } from "../broken.js";
import type { Device, Membership, Process } from "../device.js";
import { readAgain as readInBranches } from "../forks/take.js";
import { type Action, need, type Scene, told } from "./action.js";
import { readAgain } from "./deliver.js";
import { lookAtKeyPackages } from "./key-packages.js";

export const look: Action = async (scene) => {
  const { world, device, tab } = scene;
  const outcome = await device.insist(tab, undefined, async (process) => {
    if (device.hadTwo) await process.client.refresh();
    for (const membership of device.memberships.values()) await compare(device, process, membership);
    for (const member of device.forked.values()) member.compare(await need(device, process, member.room));
    return true;
  });
  hold(
    outcome.kind === "answer",
    "a device can go on after a crash",
    () => `${device.name}: ${told(outcome)}`,
  );
  await lookAtKeyPackages(scene, {});
  await lookAtDisk(scene);
  world.count("looked");
  return true;
};

/** What a group has is what was acknowledged. */
async function compare(device: Device, process: Process, membership: Membership): Promise<void> {
  const { room, status, epoch, proposals, isCommitting } = membership;
  const group = await need(device, process, room);
  const got = {
    status: group.active ? "active" : "removed",
    epoch: group.active ? Number(group.epoch) : epoch,
    proposals: group.proposals.length,
    isCommitting: group.hasPendingCommit,
  };
  const expected = { status, epoch, proposals: proposals.size, isCommitting };
  // A key that a write has made superfluous ends with the operation after it.
  if (status === "active") await group.exportSecret("look", room.id, 16);
  if (status === "removed")
    Object.assign(expected, { proposals: got.proposals, isCommitting: got.isCommitting });
  for (const key of ["status", "epoch", "proposals", "isCommitting"] as const) {
    hold(got[key] === expected[key], `nothing acknowledged is lost (${key})`, () => {
      return `${device.name} in room ${room.n}: expected ${expected[key]}, got ${got[key]}`;
    });
  }
}

/** Somebody takes the disk, and the key store: neither has more than is needed, and nothing that was read. */
async function lookAtDisk({ world, device, numbers }: Scene): Promise<void> {
  const { disk, keyStore } = device;
  const values = disk.entries.map(({ value }) => Buffer.from(value));
  const isOnDisk = (bytes: Uint8Array) => values.some((value) => value.includes(Buffer.from(bytes)));
  for (const key of device.usedKeys)
    hold(!isOnDisk(key), "no used key is in a storage", () => `a message key of ${device.name}`);
  if (keyStore !== undefined && !device.hasCrashed && !device.hadTwo) {
    const left = keyStore.references.filter((reference) => !isOnDisk(reference));
    hold(
      left.length === 0,
      "no key is left behind",
      () => `${left.length} keys in the key store of ${device.name}`,
    );
  }
  lookAtKeys(device);
  if ((device.consumed.length === 0 && device.forked.size === 0) || !numbers.once(3)) return;
  const thief = await device.open(disk.copy(), keyStore?.copy());
  for (let i = 0; i < 4; i++) {
    const entry = device.consumed[numbers.below(device.consumed.length)];
    const group = entry && (await thief.client.group(entry.letter.room.id));
    if (entry !== undefined && group !== undefined) await readAgain(thief, entry, group);
  }
  for (const { room, consumed } of device.forked.values()) {
    const message = numbers.pick([...consumed.values()]);
    const group = message && (await thief.client.group(room.id));
    if (message !== undefined && group !== undefined) await readInBranches(group, message);
  }
  world.count("disks copied");
}

/** Each entry belongs to something that the client has. */
function lookAtKeys(device: Device): void {
  const keys = device.disk.entries.map(({ key }) => key);
  const listed = new Set(
    keys.filter((key) => key.startsWith("client/groups/")).map((key) => key.split("/")[2]),
  );
  for (const key of keys) {
    const [kind, name] = key.split("/");
    hold(kind === "client" || (kind === "group" && listed.has(name)), "nothing is left behind", () => {
      return `${key} in the storage of ${device.name}`;
    });
  }
}
