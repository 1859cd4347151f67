// RFC 9420 §14: a group without anybody who orders its commits, as a tree: each commit starts a branch. Members take those
// that they see first, go over to others, and come to one in the end: at each fork the commit with the smallest digest counts.
import { type Group, MlsError } from "@copse/core";
import { keptCommits } from "@copse/core/rewind";
import { hold } from "../broken.js";
import type { Device } from "../device.js";
import { digestOf, latin1 } from "../numbers.js";
import { nameOf } from "../room.js";

/** An epoch, and the commit that started it. */
export interface Branch {
  readonly id: string;
  readonly kind: "commit";
  readonly epoch: number;
  /** The commit; empty for the first epoch. */
  readonly bytes: Uint8Array;
  readonly parent: Branch | undefined;
  readonly members: ReadonlySet<string>;
  /** What all who are in it agree on, as the first of them says. */
  fact: string | undefined;
}

/** An application message. */
export interface Message {
  readonly id: string;
  readonly kind: "application";
  readonly bytes: Uint8Array;
  readonly branch: Branch;
  readonly from: Device;
}

export class ForkedRoom {
  readonly n: number;
  readonly id: Uint8Array;
  readonly members = new Map<Device, Member>();
  /** The latest epoch that all have agreed on. */
  root: Branch;
  /** All since then. */
  readonly branches = new Set<Branch>();

  constructor(n: number, id: Uint8Array, root: Branch) {
    this.n = n;
    this.id = id;
    this.root = root;
  }

  /** Whether all are to agree before there is more. */
  get isFull(): boolean {
    return this.branches.size >= MAX_BRANCHES;
  }

  post(letter: Branch | Message): void {
    for (const { waiting } of this.members.values()) waiting.set(letter.id, letter);
  }
}

const MAX_BRANCHES = 10;
/** So long a branch is at most: all that was sent in it can be read at its end, as so many past epochs are kept. */
export const MAX_LENGTH = 3;

/** The commit that counts comes first. */
const inOrder = (a: Branch, b: Branch): number => digestOf(a.bytes) - digestOf(b.bytes);

/** What a device has of such a room. */
export class Member {
  readonly room: ForkedRoom;
  readonly device: Device;
  /** Where it is. */
  at: Branch;
  /** Those since the root that are staged here or were entered. */
  readonly known = new Set<Branch>();
  readonly entered = new Set<Branch>();
  readonly waiting = new Map<string, Branch | Message>();
  /** What was read, not only peeked at. */
  readonly consumed = new Map<string, Message>();

  constructor(room: ForkedRoom, device: Device) {
    this.room = room;
    this.device = device;
    this.at = room.root;
  }

  get isActive(): boolean {
    return this.isIn(this.at);
  }

  isIn({ members }: Branch): boolean {
    return members.has(this.device.name);
  }

  /** Whether the device has a branch, so that others can start there. */
  has(branch: Branch | undefined): branch is Branch {
    return branch !== undefined && (branch === this.room.root || this.known.has(branch));
  }

  /** The branches from the root, which isn't among them, to where the device is. */
  get line(): readonly Branch[] {
    return this.wayTo(this.at);
  }

  wayTo(to: Branch): readonly Branch[] {
    const way: Branch[] = [];
    for (let one: Branch | undefined = to; one !== undefined && one !== this.room.root; one = one.parent)
      way.unshift(one);
    return way;
  }

  /** Those that can be adopted: nobody has gone on from there. */
  get others(): readonly Branch[] {
    const { line } = this;
    const isPassed = (one: Branch) => [...this.entered].some(({ parent }) => parent === one);
    return [...this.known].filter((one) => !line.includes(one) && !isPassed(one));
  }

  /** The end of the branches that count, of those that the device has. */
  get tip(): Branch {
    for (let tip = this.room.root; ; ) {
      const [next] = [...this.known].filter(({ parent }) => parent === tip).sort(inOrder);
      if (next === undefined) return tip;
      tip = next;
    }
  }

  enter(to: Branch): void {
    this.at = to;
    for (const one of this.line) {
      this.known.add(one);
      this.entered.add(one);
    }
  }

  /** Compares what a device has with what it must have. */
  compare(group: Group): void {
    const { at, room, device, isActive, line } = this;
    const where = () => `${device.name} in epoch ${at.epoch} (${at.id}) of room ${room.n}`;
    const isThere = group.active === isActive && (!isActive || Number(group.epoch) === at.epoch);
    hold(isThere, "a branch is left only by who leaves it", () => {
      return `${where()}: got epoch ${group.epoch}, ${group.active ? "active" : "removed"}`;
    });
    if (isActive) {
      const { epochAuthenticator, treeHash, confirmedTranscriptHash } = group;
      const fact = [epochAuthenticator, treeHash, confirmedTranscriptHash].map(latin1).join("|");
      at.fact ??= fact;
      hold(at.fact === fact, "members that have taken the same commits agree", where);
      const names = group.members.map(nameOf).sort();
      hold(
        names.join() === [...at.members].sort().join(),
        "the members are those of the branch",
        () => `${where()}: expected ${[...at.members]}, got ${names}`,
      );
    }
    const kept = new Map(keptCommits(group).map((one) => [latin1(one.commit.commit), one]));
    for (const one of this.known) {
      const found = kept.get(latin1(one.bytes));
      hold(
        found?.inForce === line.includes(one),
        "what is kept is there",
        () => `${where()}: ${one.id} is ${found === undefined ? "gone" : `in force: ${found.inForce}`}`,
      );
    }
  }
}

/** A staged commit, as a process has it. */
export function commitOf(group: Group, { bytes, id }: Branch) {
  const wanted = latin1(bytes);
  const found = keptCommits(group).find(({ commit }) => latin1(commit.commit) === wanted);
  // Another process may have it: then this one looks, and tries again.
  if (found === undefined) throw new MlsError("missing", `expected ${id} to be staged`);
  return found.commit;
}
