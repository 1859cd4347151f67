// RFC 9420 §12.4, §14: what members of a room without order do with what arrives, and how they go over to other branches.
import { type Group, MlsError } from "@copse/core";
import { type Adoption, adopt, keptCommits, peek, RemovalsUndone, stageOn } from "@copse/core/rewind";
import { isUnknown, need, refused } from "../actions/action.js";
import { opening } from "../actions/send.js";
import { hold } from "../broken.js";
import { latin1 } from "../numbers.js";
import { asForked, type ForkScene, verify } from "./make.js";
import { type Branch, commitOf, type Member, type Message } from "./tree.js";

/** A message or a commit arrives. */
export const pass = asForked(async (scene) => {
  const letter = scene.member.waiting.get(scene.step.letter ?? "");
  if (letter === undefined) return false;
  return letter.kind === "commit" ? place(scene, letter) : read(scene, letter);
});

/** Takes a commit at once, or stages it where it belongs. */
export async function place(scene: ForkScene, branch: Branch): Promise<boolean> {
  const { world, device, step, numbers, tab, room, member } = scene;
  const { parent } = branch;
  if (!member.has(parent) || !member.isIn(parent)) return refuse(scene, branch.bytes);
  const { line, at } = member;
  const isInForce = line.includes(branch);
  const merges = parent === at && !member.known.has(branch) && numbers.once(2);
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    if (merges) return (await group.receive(branch.bytes)).kind;
    const isHere = parent === room.root || line.includes(parent);
    const on = isHere ? BigInt(parent.epoch) : commitOf(group, parent);
    await stageOn(group, branch.bytes, { on });
    return "staged";
  });
  const apply = () => (merges ? member.enter(branch) : member.known.add(branch));
  if (isUnknown(outcome)) {
    if (device.wasMade) apply();
    await verify(scene);
    return true;
  }
  if (outcome.kind === "error") {
    if (!isInForce || outcome.error.code !== "duplicate")
      throw refused(device, "stage a commit", outcome.error);
  } else {
    hold(!isInForce, "a commit that is in force isn't staged", () => `${branch.id} by ${device.name}`);
    apply();
  }
  world.count(merges ? "commits taken first" : "commits staged");
  member.waiting.delete(branch.id);
  if (numbers.once(4)) await verify(scene);
  return true;
}

/** Where a letter doesn't belong it is refused, and changes nothing. */
async function refuse(scene: ForkScene, bytes: Uint8Array): Promise<boolean> {
  const { world, device, numbers, tab, room } = scene;
  if (!numbers.once(3)) return false;
  const outcome = await device.insist(tab, undefined, async (process) =>
    (await need(device, process, room)).receive(bytes),
  );
  hold(outcome.kind === "error", "what is of another branch isn't received", () => device.name);
  world.count(`refused without order: ${outcome.error.code}`);
  await verify(scene);
  return true;
}

/** Receives a message of the branch where the device is, and peeks at one of another, or where it was removed. */
export async function read(scene: ForkScene, message: Message): Promise<boolean> {
  const { world, device, step, tab, room, member } = scene;
  const { branch, id, from } = message;
  if (!member.has(branch)) return refuse(scene, message.bytes);
  const isHere = branch === room.root || member.line.includes(branch);
  const receives = isHere && member.isActive;
  // Where it was removed, it can't look at the first epoch, which has no commit.
  if (!receives && branch === room.root) return false;
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    return receives ? group.receive(message.bytes) : peek(group, commitOf(group, branch), message.bytes);
  });
  const used = () => (from === device ? "own" : member.consumed.has(id) ? "duplicate" : "application");
  const expected = member.isIn(branch) ? used() : "removed";
  if (isUnknown(outcome)) {
    if (device.wasMade && receives && expected === "application") member.consumed.set(id, message);
    await verify(scene);
    return true;
  }
  const got = outcome.kind === "answer" ? outcome.value.kind : (outcome as { error: MlsError }).error.code;
  hold(got === expected, "a message is read once, by those who are where it was sent", () => {
    const where = `${device.name} at ${member.at.id}, ${id} of ${branch.id} in room ${room.n}`;
    return `${where} (${receives ? "received" : "peeked at"}): expected ${expected}, got ${got}`;
  });
  world.count(`${receives ? "received" : "peeked"} without order: ${got}`);
  if (outcome.kind === "answer" && outcome.value.kind === "application")
    hold(latin1(outcome.value.data).startsWith(opening(id)), "what is read is what was sent", () => id);
  if (receives) {
    member.waiting.delete(id);
    if (got === "application") member.consumed.set(id, message);
  }
  return true;
}

/** Goes over to the branch that counts, or to any. */
export const turn = asForked(async (scene) => {
  const { numbers, member } = scene;
  const { tip } = member;
  const to = tip !== member.at && numbers.once(2) ? tip : numbers.pick(member.others);
  if (to === undefined || !member.others.includes(to)) return false;
  return goOver(scene, to, numbers.once(2));
});

/** Those whom the branch that is left has removed, and who would come back. */
function undone(left: readonly Branch[], { members }: Branch): string[] {
  const last = left.at(-1)?.members;
  return [...(left[0]?.parent?.members ?? [])].filter(
    (name) => last?.has(name) === false && members.has(name),
  );
}

export async function goOver(scene: ForkScene, to: Branch, undoRemovals: boolean): Promise<boolean> {
  const { world, device, step, numbers, tab, room, member } = scene;
  const way = member.wayTo(to);
  const left = member.line.filter((one) => !way.includes(one));
  const entering = way.filter((one) => !member.line.includes(one));
  const back = undone(left, to);
  const merges = to.parent === member.at && numbers.once(2);
  const outcome = await device.insist(tab, step.fate, async (process) => {
    const group = await need(device, process, room);
    const staged = commitOf(group, to);
    if (merges) await staged.merge();
    else return adopt(group, staged, { undoRemovals });
    return undefined;
  });
  if (isUnknown(outcome)) {
    if (device.wasMade) member.enter(to);
  } else if (outcome.kind === "error") {
    const isRight = outcome.error instanceof RemovalsUndone && back.length > 0 && !undoRemovals;
    if (!isRight) throw refused(device, "adopt a commit", outcome.error);
    world.count("removals not undone");
  } else if (outcome.kind === "answer") {
    hold(back.length === 0 || undoRemovals, "a removal isn't undone by accident", () => device.name);
    const wasOut = !member.isActive;
    if (outcome.value !== undefined) checkReport(member, outcome.value, entering, left);
    member.enter(to);
    world.count(left.length > 0 ? "branches left" : merges ? "staged commits merged" : "branches entered");
    if (wasOut && member.isActive) world.count("came back");
  }
  await verify(scene);
  return true;
}

/** What is said to be left is what was sent and read there. */
function checkReport(
  { device, consumed }: Member,
  report: Adoption,
  entering: readonly Branch[],
  left: readonly Branch[],
): void {
  const where = () => device.name;
  hold(report.entered.length === entering.length, "an adoption says what it enters", where);
  hold(report.left.length === left.length, "an adoption says what it leaves", where);
  for (const [i, branch] of left.entries()) {
    const one = report.left[i];
    hold(
      latin1(one?.message ?? branch.bytes) === latin1(branch.bytes),
      "an adoption says what it leaves",
      where,
    );
    const counts = one?.delivered.filter(({ own, kind }) => !own && kind === "application") ?? [];
    const count = counts.reduce((sum, delivered) => sum + delivered.count, 0);
    const expected = [...consumed.values()].filter((message) => message.branch === branch).length;
    hold(count === expected, "an adoption says what the branch has delivered", () => {
      return `${device.name} in ${branch.id}: expected ${expected}, got ${count}`;
    });
  }
}

/** What was read can't be read again, in no branch. */
export async function readAgain(group: Group, message: Message): Promise<void> {
  const isRefused = (call: Promise<{ readonly kind: string }>) =>
    call.then(
      ({ kind }) => kind !== "application",
      (error) => error instanceof MlsError,
    );
  const received = await isRefused(group.receive(message.bytes));
  hold(received, "what was consumed can't be read from any state", () => message.id);
  for (const { commit } of keptCommits(group)) {
    const peeked = peek(group, commit, message.bytes);
    hold(await isRefused(peeked), "what was consumed can't be read in any branch", () => message.id);
  }
}
