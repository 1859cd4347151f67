// RFC 9420 §12.1, §15: sending messages and proposals.
import type { ProposalRequest } from "@copse/core";
import { Broken, hold } from "../broken.js";
import { PSK } from "../device.js";
import { asMember, isUnknown, need, type RoomScene, recover, refused, told } from "./action.js";
import { leafOf } from "./commit.js";

/** What the letter with an ID says. */
export const opening = (id: string): string => `${id}|`;

export const send = asMember(async (scene) => {
  const { world, device, step, numbers, tab, room, membership } = scene;
  const { epoch } = membership;
  const words = () => numbers.bytes(numbers.once(50) ? 4000 : numbers.below(120));
  const count = numbers.once(6) ? 2 + numbers.below(4) : 1;
  const data = Array.from({ length: count }, (_, i) =>
    Buffer.concat([Buffer.from(opening(`${step.n}.${i}`)), words()]),
  );
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const [first] = data;
    return first !== undefined && count === 1 ? [await group.encrypt(first)] : group.encryptAll(data);
  });
  if (outcome.kind === "answer") {
    for (const bytes of outcome.value)
      room.post(world.letter({ kind: "application", room, bytes, epoch, from: device }));
    world.count("messages", count);
    if (count > 1) world.count("batches sent");
  } else if (isUnknown(outcome)) await recover(scene, room, false);
  else if (outcome.kind === "error") {
    // §12.4: a member with pending proposals commits them before it sends data.
    if (outcome.error.code !== "pending" || membership.proposals.size === 0)
      throw refused(device, "send", outcome.error);
    world.count("waits for a commit");
  }
  return true;
});

export const propose = asMember(async (scene) => {
  const { world, device, step, numbers, tab, room, membership } = scene;
  const { epoch } = membership;
  const known = room.epochs.get(epoch)?.members;
  const found = world.use(step.add?.[0] ?? -1);
  const offered = found !== undefined && known?.has(found.device.name) === false ? found : undefined;
  // So that no two proposals are the same.
  const options = { authenticatedData: Buffer.from(String(step.n)) };
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const request = (): ProposalRequest => {
      if (offered !== undefined) return { add: offered.bytes };
      const leaf = step.remove === undefined ? undefined : leafOf(group, `d${step.remove}`);
      if (leaf !== undefined && leaf !== group.ownLeafIndex) return { remove: leaf };
      return numbers.once(3) ? { psk: { external: PSK } } : { update: true };
    };
    const message = await group.propose(request(), options);
    hold(
      group.proposals.length === membership.proposals.size + 1,
      "a proposal that was made is there",
      () => device.name,
    );
    return message;
  });
  if (outcome.kind === "answer") {
    if (offered !== undefined) room.listeners.add(offered.device);
    const letter = world.letter({ kind: "proposal", room, bytes: outcome.value, epoch, from: device });
    room.post(letter);
    membership.proposals.add(letter.id);
    world.count("proposals");
  } else if (isUnknown(outcome)) await lookAtProposals(scene);
  else if (outcome.kind === "error") throw refused(device, "propose", outcome.error);
  return true;
});

/** A proposal whose call had no end is there, or isn't; all others are. */
async function lookAtProposals(scene: RoomScene): Promise<void> {
  const { device, room, membership } = scene;
  const group = await recover(scene, room, false);
  const count = group?.proposals.length ?? 0;
  const expected = membership.proposals.size;
  hold(count === expected || count === expected + 1, "no proposal is lost", () => {
    return `${device.name} has ${count} proposals, not ${expected}`;
  });
  if (count === expected) return;
  membership.proposals.add(`of step ${scene.step.n}`);
  // Its message is lost, and nobody else has it: a commit that refers to it would never be understood.
  const outcome = await device.insist(scene.tab, undefined, async (process) => {
    const latest = await need(device, process, room);
    await latest.dropProposals(latest.proposals.slice(-1).map(({ reference }) => reference));
  });
  if (outcome.kind !== "answer") throw new Broken("a device can go on after a crash", told(outcome));
}
