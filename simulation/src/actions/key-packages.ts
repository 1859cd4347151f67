// RFC 9420 §10: key packages are there from when they are offered until they are used, deleted or long expired; then they and
// their keys are gone.
import { hold } from "../broken.js";
import { type Device, GRACE, LIFETIME, type Process } from "../device.js";
import { type Action, isUnknown, refused, type Scene, told } from "./action.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The key packages that a client has, and when they expire. */
export function keyPackagesOf({ client }: Process): Map<string, number> {
  return new Map(client.keyPackages().map(({ reference, notAfter }) => [hex(reference), Number(notAfter)]));
}

/** Makes a key package, and has the delivery service offer it. */
export const offer: Action = async (scene) => {
  const { world, device, step, tab } = scene;
  const outcome = await device.insist(tab, step.fate, ({ client }) => client.createKeyPackage());
  if (outcome.kind === "answer") {
    const notAfter = Math.floor(world.now / 1000) + LIFETIME;
    world.offered.set(step.n, { n: step.n, device, bytes: outcome.value, notAfter });
    world.note(outcome.value);
    world.count("key packages");
    await lookAtKeyPackages(scene, { made: true });
  } else if (isUnknown(outcome)) await lookAtKeyPackages(scene, { mayBeMade: device.wasMade });
  else if (outcome.kind === "error") throw refused(device, "make a key package", outcome.error);
  return true;
};

/** Deletes one, which may have been used already. */
export const withdraw: Action = async (scene) => {
  const { world, device, step, numbers, tab } = scene;
  const [id] = [...device.keyPackages.keys()].sort().slice(numbers.below(device.keyPackages.size));
  if (id === undefined) return false;
  const reference = Buffer.from(id, "hex");
  const outcome = await device.insist(tab, step.fate, ({ client }) => client.deleteKeyPackage(reference));
  if (outcome.kind === "answer") {
    device.keyPackages.delete(id);
    device.hasLost = true;
    world.count("deleted key packages");
  } else if (isUnknown(outcome)) {
    if (device.wasMade) device.keyPackages.delete(id);
    device.hasLost = true;
  } else if (outcome.kind === "error") throw refused(device, "delete a key package", outcome.error);
  // A key store has destroyed the keys before the write.
  await lookAtKeyPackages(scene, { mayUse: isUnknown(outcome) && device.keyStore !== undefined });
  return true;
};

/** What may have changed. */
interface Change {
  readonly made?: boolean;
  readonly mayBeMade?: boolean;
  readonly uses?: boolean;
  readonly mayUse?: boolean;
}

/** Compares the key packages that a device has with those that it should have. */
export async function lookAtKeyPackages({ world, device, tab }: Scene, change: Change): Promise<void> {
  const outcome = await device.insist(tab, undefined, async (process) => {
    await process.client.refresh();
    return keyPackagesOf(process);
  });
  hold(outcome.kind === "answer", "a device can go on after a crash", () => told(outcome));
  const actual = outcome.value;
  forgetExpired(device, world.now);
  const missing = [...device.keyPackages.keys()].filter((id) => !actual.has(id));
  const extra = [...actual].filter(
    ([id, notAfter]) => !device.keyPackages.has(id) && !isOver(notAfter, world.now),
  );
  const uses = Number(change.uses === true);
  const makes = Number(change.made === true);
  const isRight =
    missing.length >= (device.hasLost ? 0 : uses) &&
    missing.length <= uses + Number(change.mayUse === true) &&
    extra.length >= makes &&
    extra.length <= makes + Number(change.mayBeMade === true);
  hold(isRight, "key packages are there until they are used, and then gone", () => {
    return `${device.name} lacks ${missing.length} and has ${extra.length} besides, at ${JSON.stringify(change)}`;
  });
  for (const id of missing) device.keyPackages.delete(id);
  for (const [id, notAfter] of extra) device.keyPackages.set(id, notAfter);
}

/** Those whose grace is over end at a time of the client's choice. */
export function forgetExpired(device: Device, now: number): void {
  for (const [id, notAfter] of device.keyPackages) {
    if (!isOver(notAfter, now)) continue;
    device.keyPackages.delete(id);
    device.hasLost = true;
  }
}

/** By a clock that may be fast. */
function isOver(notAfter: number, now: number): boolean {
  return now / 1000 + 600 > notAfter + GRACE;
}
