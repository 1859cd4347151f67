// RFC 9420 §8.7, §12, §15: one group and all of its members, which must agree after every epoch.

import { utf8 } from "@copse/test-support/bytes";
import { type Column, played } from "@copse/test-support/played";
import { expect } from "vitest";
import type { Commit, Peer, Request } from "./peers.js";

/** What ts-mls 2.0.0-rc.10 says of trees in which unmerged leaves differ between a node and one above it. */
const UNMERGED = "non-blank intermediate node must list leaf node in its unmerged_leaves";

/** What happened in a room, for random tests to show what they covered. */
export interface Tally {
  epochs: number;
  messages: number;
  /** By `<kind of the committer> <what>`. */
  readonly done: Map<string, number>;
}

export class Room {
  members: Peer[];
  readonly tally: Tally = { epochs: 0, messages: 0, done: new Map() };
  /** Everyone who ever had a place here, by name. */
  private readonly known = new Map<string, Peer>();

  private constructor(creator: Peer) {
    this.members = [creator];
    this.known.set(creator.name, creator);
  }

  static async create(creator: Peer): Promise<Room> {
    await creator.createGroup(utf8(`the group of ${creator.name}`));
    played("ts-mls", "groups");
    return new Room(creator);
  }

  /** Counts what was played with ts-mls. */
  private played(what: Column): void {
    if (this.members.some(({ kind }) => kind === "ts-mls")) played("ts-mls", what);
  }

  count(what: string): void {
    this.tally.done.set(what, (this.tally.done.get(what) ?? 0) + 1);
  }

  others(than: Peer): Peer[] {
    return this.members.filter((member) => member !== than);
  }

  /** A proposal that reaches all others. */
  async propose(by: Peer, request: { add: Peer } | { remove: Peer } | { update: true }): Promise<void> {
    let made: Request;
    if ("add" in request) {
      this.known.set(request.add.name, request.add);
      made = { add: await request.add.keyPackage() };
    } else made = "remove" in request ? { remove: request.remove.leafIndex } : request;
    const proposal = await by.propose(made);
    for (const other of this.others(by)) {
      expect(await other.receive(proposal)).toMatchObject({ kind: "proposal" });
    }
    this.count(`${by.kind} proposes ${Object.keys(request)[0]}`);
  }

  /** A commit of what was proposed and of what is given, which reaches all others; and what must follow of it. */
  async commit(by: Peer, changes: { add?: readonly Peer[]; remove?: readonly Peer[] } = {}): Promise<void> {
    const { add = [], remove = [] } = changes;
    const keyPackages: Uint8Array[] = [];
    for (const peer of add) {
      this.known.set(peer.name, peer);
      keyPackages.push(await peer.keyPackage());
    }
    const aad = utf8(`commit by ${by.name}`);
    const epoch = by.epoch;
    const made = await by.commit(
      keyPackages,
      remove.map(({ leafIndex }) => leafIndex),
      aad,
    );
    expect(by.epoch).toBe(epoch + 1n);
    const present = new Set(by.members.map(([, name]) => name));
    const leavers = this.members.filter(({ name }) => !present.has(name));
    for (const peer of [...add, ...remove]) expect(present.has(peer.name)).toBe(add.includes(peer));
    for (const other of this.others(by)) {
      expect(await other.receive(made.commit)).toMatchObject({ kind: "commit" });
      expect(other.active).toBe(present.has(other.name));
    }
    const stayers = this.members.filter((member) => !leavers.includes(member));
    const before = new Set(this.members.map(({ name }) => name));
    const joiners = [...present].filter((name) => !before.has(name)).map((name) => this.peer(name));
    const locked: Peer[] = [];
    for (const joiner of joiners) {
      const joined = await this.join(joiner, made);
      if (!joined) locked.push(joiner);
      this.count(`${joiner.kind} ${joined ? "joins" : "cannot join"} by ${by.kind}`);
    }
    this.members = [...stayers, ...joiners.filter((joiner) => !locked.includes(joiner))];
    this.count(`${by.kind} commits`);
    await this.agree(locked);
    if (locked.length > 0) await this.evict(locked);
    for (const leaver of leavers) {
      await this.expectShutOut(leaver);
      this.count(`${leaver.kind} removed by ${by.kind}`);
    }
  }

  private peer(name: string): Peer {
    const peer = this.known.get(name);
    if (peer === undefined) throw new Error(`nobody added ${name}`);
    return peer;
  }

  /** @returns false where ts-mls refuses a tree for what it takes unmerged leaves to be: see `TsMlsClient` */
  private async join(joiner: Peer, { welcome, ratchetTree }: Commit): Promise<boolean> {
    try {
      await joiner.join(welcome as Uint8Array, ratchetTree);
      played("ts-mls", "joins");
      return true;
    } catch (error) {
      if (joiner.kind === "ts-mls" && String(error).includes(UNMERGED)) return false;
      throw error;
    }
  }

  /** Those who can't join are members all the same, until somebody removes them. */
  private async evict(locked: readonly Peer[]): Promise<void> {
    const by = this.members.find(({ kind }) => kind === "copse");
    if (by === undefined) throw new Error("nobody is here to remove those who can't join");
    const names = locked.map(({ name }) => name);
    const leaves = by.members.filter(([, name]) => names.includes(name)).map(([leafIndex]) => leafIndex);
    const { commit } = await by.commit([], leaves);
    for (const other of this.others(by)) await other.receive(commit);
    await this.agree();
  }

  /** Nothing that is sent now is read by one who was removed, and nothing that it sends has effect. */
  private async expectShutOut(leaver: Peer): Promise<void> {
    const [first] = this.members;
    if (first === undefined) throw new Error("a group without members");
    const secret = await first.encrypt(utf8("not for you"));
    await expect(leaver.receive(secret)).rejects.toThrow();
    for (const other of this.others(first)) await other.receive(secret);
    await expect(leaver.encrypt(utf8("let me in"))).rejects.toThrow();
    await expect(leaver.commit()).rejects.toThrow();
    // ts-mls makes proposals even then, in the epoch that was.
    const forged = await leaver.propose({ update: true }).catch(() => undefined);
    if (leaver.kind === "copse") expect(forged).toBeUndefined();
    if (forged === undefined) return;
    for (const member of this.members) {
      const refused = member.receive(forged);
      if (member.kind === "copse") await expect(refused).rejects.toMatchObject({ code: "past-epoch" });
      else await expect(refused).rejects.toThrow();
    }
  }

  /**
   * All members are in the same state.
   * @param locked members who could not join
   */
  async agree(locked: readonly Peer[] = []): Promise<void> {
    const [first, ...others] = this.members;
    if (first === undefined) throw new Error("a group without members");
    const context = utf8(`epoch ${first.epoch}`);
    const secret = await first.exportSecret("interop", context, 48);
    expect(secret).toHaveLength(48);
    const names = [...this.members, ...locked].map(({ name }) => name);
    expect(first.members.map(([, name]) => name).sort()).toEqual(names.sort());
    for (const other of others) {
      expect(other.epoch).toBe(first.epoch);
      expect(other.epochAuthenticator).toEqual(first.epochAuthenticator);
      expect(await other.exportSecret("interop", context, 48)).toEqual(secret);
      expect(other.ratchetTree).toEqual(first.ratchetTree);
      expect(other.members).toEqual(first.members);
    }
    this.tally.epochs++;
    this.played("epochs");
  }

  /** One message of each member to all others. */
  async chat(): Promise<void> {
    for (const from of this.members) {
      const data = utf8(`${from.name} in epoch ${from.epoch}`);
      const sealed = await from.encrypt(data, utf8(from.name));
      for (const other of this.others(from)) await this.deliver(other, sealed, data, from.name);
    }
  }

  async deliver(to: Peer, sealed: Uint8Array, data: Uint8Array, from: string): Promise<void> {
    expect(await to.receive(sealed)).toMatchObject({
      kind: "application",
      data,
      authenticatedData: utf8(from),
    });
    this.tally.messages++;
    this.played("messages");
  }
}
