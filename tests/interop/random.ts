// RFC 9420 §12, §15: a group of members of both kinds that does what a seed says.

import { utf8 } from "@copse/test-support/bytes";
import { fractionsFrom } from "@copse/test-support/random";
import type { Kind, Peer } from "./peers.js";
import { Room } from "./room.js";

class Dice {
  private readonly next: () => number;
  constructor(seed: number) {
    this.next = fractionsFrom(seed);
  }
  chance(probability: number): boolean {
    return this.next() < probability;
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error("nothing to pick from");
    return from[this.below(from.length)] as T;
  }
  shuffled<T>(from: readonly T[]): T[] {
    const left = [...from];
    return from.map(() => left.splice(this.below(left.length), 1)[0] as T);
  }
}

/** What waits for a commit. */
interface Pending {
  adds: number;
  readonly removes: Set<Peer>;
  readonly updates: Set<Peer>;
}

/** A message on its way to one member. */
interface Letter {
  readonly to: Peer;
  readonly from: string;
  readonly data: Uint8Array;
  readonly sealed: Uint8Array;
}

const KINDS: readonly Kind[] = ["copse", "ts-mls"];
const [FEWEST, MOST] = [3, 8];

/**
 * Five members at first, and between 3 and 8 in each round. In a round some write, what they write comes in
 * another order, or only after the next commit; some propose; one commits, and may add and remove at once.
 *
 * A seed that leaves half of a tree empty under a ts-mls member fails there, by a defect of ts-mls: see `TsMlsClient`.
 */
export async function randomly(
  seed: number,
  rounds: number,
  newPeer: (kind: Kind, treeInWelcome: boolean) => Promise<Peer>,
): Promise<Room> {
  const dice = new Dice(seed);
  const newMember = () => newPeer(dice.pick(KINDS), dice.chance(0.5));
  const room = await Room.create(await newPeer(dice.pick(KINDS), true));
  const [creator] = room.members as [Peer];
  const first = ["copse", "ts-mls", creator.kind === "copse" ? "ts-mls" : "copse"] as const;
  await room.commit(creator, {
    add: [...(await Promise.all(first.map((kind) => newPeer(kind, true)))), await newMember()],
  });
  for (let round = 0; round < rounds; round++) {
    const late = await correspond(room, dice);
    const pending = await propose(room, dice, newMember);
    await commit(room, dice, pending, newMember);
    for (const letter of late) {
      if (room.members.includes(letter.to)) await deliver(room, letter);
    }
    await room.chat();
  }
  return room;
}

function deliver(room: Room, { to, sealed, data, from }: Letter): Promise<void> {
  return room.deliver(to, sealed, data, from);
}

/** @returns what comes only after the next commit */
async function correspond(room: Room, dice: Dice): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (let i = dice.below(5); i > 0; i--) {
    const from = dice.pick(room.members);
    const data = utf8(`message ${i} ${"x".repeat(dice.below(600))}`);
    const sealed = await from.encrypt(data, utf8(from.name));
    for (const to of room.others(from)) letters.push({ to, from: from.name, data, sealed });
  }
  const late: Letter[] = [];
  for (const letter of dice.shuffled(letters)) {
    if (dice.chance(0.3)) late.push(letter);
    else await deliver(room, letter);
  }
  return late;
}

async function propose(room: Room, dice: Dice, newMember: () => Promise<Peer>): Promise<Pending> {
  const pending: Pending = { adds: 0, removes: new Set(), updates: new Set() };
  for (let i = dice.below(4); i > 0; i--) {
    const by = dice.pick(room.members);
    const size = room.members.length - pending.removes.size;
    switch (dice.pick(["add", "remove", "update"])) {
      case "add":
        if (room.members.length + pending.adds >= MOST) break;
        await room.propose(by, { add: await newMember() });
        pending.adds++;
        break;
      case "remove": {
        const removed = dice.pick(room.others(by));
        const others = room.members.filter((member) => member !== removed && !pending.removes.has(member));
        if (pending.removes.has(removed) || size <= FEWEST) break;
        if (!others.some(({ kind }) => kind === removed.kind)) break;
        await room.propose(by, { remove: removed });
        pending.removes.add(removed);
        break;
      }
      default:
        if (pending.updates.has(by)) break;
        await room.propose(by, { update: true });
        pending.updates.add(by);
    }
  }
  return pending;
}

/** Whether ts-mls 2.0.0-rc.10 commits this as §7.5 and §12.4 want it: see `TsMlsClient`. */
function canCommit(by: Peer, { adds, removes, updates }: Pending): boolean {
  if (by.kind === "copse") return true;
  if (removes.has(by) || updates.size > 0) return false;
  return removes.size === 0 || (removes.size > 1 && adds === 0);
}

async function commit(
  room: Room,
  dice: Dice,
  pending: Pending,
  newMember: () => Promise<Peer>,
): Promise<void> {
  // Copse members can commit anything, and there is always one.
  const by = dice.pick(
    balanced(
      room.members.filter((member) => canCommit(member, pending)),
      dice,
    ),
  );
  const remove = chooseRemoved(room, dice, by, pending);
  const add: Peer[] = [];
  const hasRoom = room.members.length + pending.adds < MOST;
  if (hasRoom && dice.chance(0.4) && (by.kind === "copse" || remove.length + pending.removes.size === 0)) {
    add.push(await newMember());
  }
  await room.commit(by, { add, remove });
}

/** What a committer removes by itself: one of each kind stays, so that there are always both. */
function chooseRemoved(room: Room, dice: Dice, by: Peer, pending: Pending): Peer[] {
  const spare = room.members.length - pending.removes.size - FEWEST;
  if (spare <= 0 || dice.chance(0.4)) return [];
  const candidates = room.others(by).filter((member) => !pending.removes.has(member));
  const keep = KINDS.flatMap((kind) => candidates.filter((member) => member.kind === kind).slice(0, 1));
  const removable = dice.shuffled(candidates.filter((member) => !keep.includes(member)));
  if (by.kind === "copse") return removable.slice(0, 1);
  // Two or none, and none beside Adds.
  if (pending.adds + pending.removes.size > 0 || Math.min(spare, removable.length) < 2) return [];
  return removable.slice(0, 2);
}

/** The members of one kind, so that each kind commits about as often. */
function balanced(members: readonly Peer[], dice: Dice): Peer[] {
  const kind = dice.pick(KINDS);
  const some = members.filter((member) => member.kind === kind);
  return some.length > 0 ? some : [...members];
}
