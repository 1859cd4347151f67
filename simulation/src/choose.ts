// The next step, by what there is to do.
import type { Device, Membership } from "./device.js";
import { FATES, type Fate } from "./disk.js";
import type { Member } from "./forks/tree.js";
import type { Letter } from "./letter.js";
import type { Numbers } from "./numbers.js";
import type { Kind, Step } from "./step.js";
import type { Offered, World } from "./world.js";

/** Groups have 2 to so many members. */
const MAX_MEMBERS = 12;
/** How many letters wait for a device, before it does hardly anything else than to read. */
const BACKLOG = 6;
/** Of how many letters that came first one may be read before the others. */
const REORDERED = 8;
/** A call in so many is hit by a fate. */
const FATE_RARITY = 60;

/** How often a device does what, while nothing waits for it. */
const WEIGHTS: readonly (readonly [Kind, number])[] = [
  ["send", 30],
  ["propose", 7],
  ["commit", 9],
  ["submit", 12],
  ["offer", 6],
  ["withdraw", 0.4],
  ["external", 2],
  ["crash", 2],
  ["open", 0.7],
  ["shut", 1],
  ["look", 2],
  ["leave", 3],
  ["wait", 1],
  ["settle", 0.2],
];
const TOTAL = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);

export function choose(world: World, n: number, numbers: Numbers): Step {
  const { rooms } = world.options;
  const by = numbers.below(world.devices.length);
  if (world.rooms.size < rooms && numbers.once(4)) return { n, kind: "create", by };
  const first = foundation(world, n, numbers);
  if (first !== undefined) return first;
  const member = numbers.once(FORKED_SHARE) ? memberOf(world, numbers) : undefined;
  if (member !== undefined)
    return fated({ n, by: member.device.n, room: member.room.n, ...ofMember(member, numbers) }, numbers);
  for (let i = 0; i < 20; i++) {
    const device = world.devices[numbers.below(world.devices.length)] as Device;
    const step = stepOf(world, device, n, numbers);
    if (step !== undefined) return fated(step, numbers);
  }
  return { n, kind: "offer", by };
}

function stepOf(world: World, device: Device, n: number, numbers: Numbers): Step | undefined {
  const of = { n, by: device.n };
  const waiting = device.inbox.size;
  if (waiting > 0 && numbers.below(waiting + BACKLOG) < waiting + BACKLOG - 2) {
    const letter = letterFor(device, numbers);
    if (letter !== undefined) {
      if (numbers.once(8)) return { ...of, kind: "batch", room: letter.room.n };
      const isLost = letter.kind === "application" && numbers.once(40);
      return { ...of, kind: isLost ? "lose" : "deliver", room: letter.room.n, letter: letter.id };
    }
  }
  const kind = kindOf(numbers);
  if (kind === "offer" || kind === "withdraw") return { ...of, kind };
  if (["crash", "open", "shut", "look", "wait"].includes(kind))
    return device.memberships.size > 0 ? { ...of, kind } : undefined;
  if (kind === "external") {
    const room = numbers.pick([...world.rooms.values()]);
    const isMember = room?.isMember(device) === true;
    const isWanted =
      room?.groupInfo?.epoch === room?.epoch && (isMember || (room?.members.size ?? 0) < MAX_MEMBERS);
    return room !== undefined && isWanted ? { ...of, kind, room: room.n } : undefined;
  }
  const membership = numbers.pick([...device.memberships.values()]);
  if (membership === undefined) return undefined;
  const room = membership.room.n;
  if (kind === "commit" || kind === "propose")
    return { ...of, kind, room, ...change(world, membership, numbers) };
  return { ...of, kind, room };
}

/** A room without order: one for so many others. */
const SHARE = 4;
/** One step in so many is in one. */
const FORKED_SHARE = 5;

function memberOf({ forked }: World, numbers: Numbers): Member | undefined {
  return numbers.pick([...(numbers.pick([...forked.values()])?.members.values() ?? [])]);
}

const fated = (step: Step, numbers: Numbers): Step =>
  numbers.once(FATE_RARITY) ? { ...step, fate: numbers.pick<Fate>(FATES) } : step;

/** A device that keeps epochs founds a group of such. */
function foundation(world: World, n: number, numbers: Numbers): Step | undefined {
  if (world.forked.size * SHARE >= world.options.rooms || !numbers.once(10)) return undefined;
  const founder = numbers.pick(world.devices.filter(({ rewinds }) => rewinds));
  const add: Offered[] = [];
  for (const [id, offered] of world.offered) {
    const { device, notAfter } = offered;
    if (!device.rewinds || device === founder || add.some((one) => one.device === device)) continue;
    if (notAfter < world.now / 1000 + 3600 || numbers.once(2) || add.length > 6) continue;
    world.offered.delete(id);
    world.claimed.set(id, offered);
    add.push(offered);
  }
  if (founder === undefined || add.length === 0) return undefined;
  return { n, kind: "found", by: founder.n, add: add.map((one) => one.n) };
}

/** What is done in a room without order. */
function ofMember({ room, waiting, others }: Member, numbers: Numbers): Pick<Step, "kind" | "letter"> {
  const letters = [...waiting.values()];
  if (letters.length > 0 && numbers.below(letters.length + BACKLOG) < letters.length + 1)
    return { kind: "pass", letter: numbers.pick(letters)?.id };
  if (others.length > 0 && numbers.once(3)) return { kind: "turn" };
  if (numbers.once(room.isFull ? 6 : 60)) return { kind: "agree" };
  return { kind: numbers.once(3) ? "fork" : "tell" };
}

function kindOf(numbers: Numbers): Kind {
  let choice = (numbers.next() / 2 ** 32) * TOTAL;
  for (const [kind, weight] of WEIGHTS) {
    choice -= weight;
    if (choice < 0) return kind;
  }
  return "send";
}

function letterFor({ inbox, memberships }: Device, numbers: Numbers): Letter | undefined {
  const first: Letter[] = [];
  for (const { letter } of inbox.values()) {
    if (letter.kind !== "welcome" && !memberships.has(letter.room)) continue;
    first.push(letter);
    if (first.length === REORDERED) break;
  }
  return first[Math.min(numbers.below(REORDERED), numbers.below(first.length))];
}

/** Whom a commit or a proposal adds and removes. */
function change(world: World, { room }: Membership, numbers: Numbers): Partial<Step> {
  const { members } = room;
  const names = [...members];
  const wanted = members.size < MAX_MEMBERS && numbers.below(MAX_MEMBERS) >= members.size - 1;
  const add: Offered[] = [];
  if (wanted) {
    for (let i = 0; i < 1 + numbers.below(2); i++) {
      const offered = claim(world, members, numbers);
      if (offered !== undefined) add.push(offered);
    }
  }
  const remove = members.size > 3 && numbers.once(5) ? numbers.pick(names) : undefined;
  return {
    ...(add.length > 0 && { add: add.map(({ n }) => n) }),
    ...(remove !== undefined && { remove: Number(remove.slice(1)) }),
  };
}

/** A key package that is valid for a while yet; each is handed out once. */
function claim(world: World, members: ReadonlySet<string>, numbers: Numbers): Offered | undefined {
  const soon = world.now / 1000 + 3600;
  for (const [n, offered] of world.offered) {
    const isOver = offered.notAfter < soon;
    if (!isOver && (members.has(offered.device.name) || numbers.once(2))) continue;
    world.offered.delete(n);
    if (isOver) continue;
    world.claimed.set(n, offered);
    return offered;
  }
  return undefined;
}
