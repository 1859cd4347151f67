// RFC 9420 §14: a group as its delivery service knows it: it takes one commit for each epoch, and tells the others that they
// came too late. What it delivers comes late, out of order and twice; application messages also never.
import type { Group } from "@copse/core";
import { isBasicCredential, type Member } from "@copse/core";
import { Broken, hold } from "./broken.js";
import type { Device, Membership } from "./device.js";
import type { Letter } from "./letter.js";
import { latin1 } from "./numbers.js";

/** What everybody in an epoch must agree on. */
interface Fact {
  readonly authenticator: string;
  readonly treeHash: string;
  readonly transcript: string;
}

/** An epoch that the delivery service knows. */
interface KnownEpoch {
  /** As the first who entered it says. */
  fact: Fact | undefined;
  readonly members: ReadonlySet<string>;
}

/** How many epochs are remembered: so far behind, a member joins again. */
const REMEMBERED = 12;

export function nameOf({ credential }: Member): string {
  if (!isBasicCredential(credential)) throw new Error("expected basic credentials");
  return Buffer.from(credential.identity).toString("latin1");
}

export class Room {
  readonly n: number;
  readonly id: Uint8Array;
  readonly epochs = new Map<number, KnownEpoch>();
  /** Those who get its messages: members, those who are invited, and those who were removed and don't know it or care. */
  readonly listeners = new Set<Device>();
  /** The newest GroupInfo, if it is that of the present epoch. */
  groupInfo: { readonly epoch: number; readonly bytes: Uint8Array } | undefined;
  /** The epoch that the latest commit has started. */
  epoch = 0;
  /** The accepted commits, by the epoch that they ended: whoever lost one asks for it again. */
  readonly log = new Map<number, Letter>();

  constructor(n: number, id: Uint8Array, creator: Device) {
    this.n = n;
    this.id = id;
    this.epochs.set(0, { fact: undefined, members: new Set([creator.name]) });
    this.listeners.add(creator);
  }

  get members(): ReadonlySet<string> {
    return (this.epochs.get(this.epoch) as KnownEpoch).members;
  }

  isMember(device: Device, epoch = this.epoch): boolean {
    return this.epochs.get(epoch)?.members.has(device.name) === true;
  }

  /** Sends a letter to all listeners; non-members must not be able to read it. */
  post(letter: Letter): void {
    for (const { inbox } of this.listeners) inbox.set(letter.id, { letter, taken: "no" });
  }

  /** Who isn't a member and was only to be invited gets nothing more. */
  #prune(): void {
    for (const device of this.listeners) {
      if (device.memberships.has(this) || this.isMember(device)) continue;
      this.listeners.delete(device);
      for (const [id, { letter }] of device.inbox) if (letter.room === this) device.inbox.delete(id);
    }
  }

  /** Takes a commit of the present epoch. @param members as the model has them */
  accept(letter: Letter, members: ReadonlySet<string>): void {
    if (letter.epoch !== this.epoch) throw new Error("expected a commit of the present epoch");
    this.log.set(this.epoch, letter);
    this.epoch++;
    this.epochs.set(this.epoch, { fact: undefined, members });
    this.#prune();
    this.post(letter);
    this.epochs.delete(this.epoch - REMEMBERED);
    this.log.delete(this.epoch - REMEMBERED);
  }

  /** A member has entered an epoch: it must be where the others are that have the same history. */
  arrived({ name }: Device, { epoch }: Membership, group: Group): void {
    const known = this.epochs.get(epoch);
    // So far behind that nobody remembers.
    if (known === undefined) return;
    const fact: Fact = {
      authenticator: latin1(group.epochAuthenticator),
      treeHash: latin1(group.treeHash),
      transcript: latin1(group.confirmedTranscriptHash),
    };
    const where = () => `${name} in epoch ${epoch} of room ${this.n}`;
    const names = group.members.map(nameOf);
    hold(
      names.length === known.members.size && names.every((one) => known.members.has(one)),
      "who was added is in the group, and who was removed isn't",
      () => `${where()}: expected ${[...known.members].sort()}, got ${names.sort()}`,
    );
    known.fact ??= fact;
    for (const key of ["authenticator", "treeHash", "transcript"] as const)
      if (known.fact[key] !== fact[key]) throw new Broken("members agree", `${where()}: another ${key}`);
  }
}
