// RFC 9420 §12, §15: one group of members by Copse and by OpenMLS (mls-ts), who must agree after every epoch.
import { type CommitOptions, unframe } from "@copse/core";
import type { MlsTsClient } from "@copse/peer-mls-ts";
import { utf8 } from "@copse/test-support/bytes";
import { playedBy } from "@copse/test-support/played";
import { expect } from "vitest";
import { CopsePeer } from "./peers.js";

export type Anyone = CopsePeer | MlsTsClient;

export const isOurs = (one: Anyone): one is CopsePeer => one instanceof CopsePeer;

/** What a Welcome is with its tree: OpenMLS's carries none. */
interface Invitation {
  readonly welcome: Uint8Array;
  readonly ratchetTree: Uint8Array;
}

export class Company {
  members: Anyone[];
  /** By `<copse or mls-ts> <what>`, for random tests to show what they covered. */
  readonly done = new Map<string, number>();

  constructor(creator: Anyone) {
    this.members = [creator];
  }

  static async create(creator: Anyone): Promise<Company> {
    const id = `the group of ${creator.name}`;
    await (isOurs(creator) ? creator.createGroup(utf8(id)) : creator.createGroup(id));
    playedBy(["mls-ts"], "groups");
    return new Company(creator);
  }

  get ours(): CopsePeer[] {
    return this.members.filter(isOurs);
  }

  get theirs(): MlsTsClient[] {
    return this.members.filter((one): one is MlsTsClient => !isOurs(one));
  }

  count(by: Anyone | "copse" | "mls-ts", what: string): void {
    const kind = typeof by === "string" ? by : isOurs(by) ? "copse" : "mls-ts";
    const key = `${kind} ${what}`;
    this.done.set(key, (this.done.get(key) ?? 0) + 1);
  }

  others(than: Anyone | undefined): Anyone[] {
    return this.members.filter((member) => member !== than);
  }

  /** A proposal or a commit reaches all members but its sender. */
  async handshake(message: Uint8Array, from?: Anyone): Promise<void> {
    for (const other of this.others(from)) {
      if (isOurs(other))
        expect(await other.receive(message)).toMatchObject({
          kind: expect.stringMatching(/^(proposal|commit)$/),
        });
      else expect(other.receive(message)).toHaveLength(0);
    }
  }

  /** A commit of ours, which the delivery service accepts. */
  async commit(
    by: CopsePeer,
    {
      add = [],
      remove = [],
      ...options
    }: Omit<CommitOptions, "add" | "remove"> & { add?: readonly Anyone[]; remove?: readonly Anyone[] } = {},
    joining: readonly Anyone[] = add,
  ): Promise<void> {
    const made = await by.group.commit({
      ...options,
      add: await Promise.all(add.map(async (one) => one.keyPackage())),
      remove: remove.map((one) => this.leafOf(one)),
      authenticatedData: utf8(`by ${by.name}`),
    });
    await this.handshake(made.commit, by);
    await by.group.mergePendingCommit();
    this.count(by, "commits");
    await this.settle(by, made.welcome && { welcome: made.welcome, ratchetTree: by.ratchetTree }, joining);
  }

  /** A commit of theirs, which adds somebody: they have no other. */
  async add(by: MlsTsClient, one: Anyone, joining: readonly Anyone[] = [one]): Promise<void> {
    const made = by.add(await rawKeyPackage(one));
    await this.handshake(made.proposal, by);
    await this.handshake(made.commit, by);
    this.count(by, "commits");
    await this.settle(by, made, joining);
  }

  /** An external commit of ours. */
  async joinExternally(one: CopsePeer, options: { resync?: boolean } = {}): Promise<void> {
    const [member] = this.ours.filter((other) => other !== one) as [CopsePeer];
    const commit = await one.joinByExternalCommit(await member.group.groupInfo(), options);
    await this.handshake(commit, one);
    if (!this.members.includes(one)) this.members.push(one);
    this.count(one, options.resync ? "rejoins by an external commit" : "joins by an external commit");
    playedBy(["mls-ts"], "joins");
    await this.agree();
  }

  /** After a commit: those who were added join, those who were removed go. */
  async settle(by: Anyone, invitation: Invitation | undefined, joining: readonly Anyone[]): Promise<void> {
    for (const joiner of joining) {
      const { welcome, ratchetTree } = invitation as Invitation;
      await joiner.join(welcome, ratchetTree);
      this.count(joiner, `joins by ${isOurs(by) ? "copse" : "mls-ts"}`);
      playedBy(["mls-ts"], "joins");
    }
    const candidates = [...this.members, ...joining];
    const [witness] = [by, ...joining, ...this.members].filter(isOurs);
    if (witness === undefined) throw new Error("nobody of ours is here to say who is a member");
    const present = new Set(witness.members.map(([, name]) => name));
    for (const joiner of joining) expect(present).toContain(joiner.name);
    const leavers = candidates.filter(({ name }) => !present.has(name));
    this.members = candidates.filter(({ name }) => present.has(name));
    expect(this.members).toHaveLength(present.size);
    await this.agree();
    for (const leaver of leavers) await this.expectShutOut(leaver);
  }

  /** All members have the same secrets and the same tree. Of ours, also the same authenticator and members. */
  async agree(): Promise<void> {
    const [first] = this.ours;
    if (first === undefined) throw new Error("nobody of ours is a member");
    const context = utf8(`epoch ${first.epoch}`);
    const secret = await first.exportSecret("interop", context, 48);
    expect(first.members.map(([, name]) => name).sort()).toEqual(this.members.map(({ name }) => name).sort());
    for (const other of this.others(first)) {
      expect(await other.exportSecret("interop", context, 48)).toEqual(secret);
      expect(isOurs(other) ? other.ratchetTree : other.ratchetTree()).toEqual(first.ratchetTree);
      if (!isOurs(other)) continue;
      expect(other.epochAuthenticator).toEqual(first.epochAuthenticator);
      expect(other.members).toEqual(first.members);
    }
    if (this.theirs.length > 0) playedBy(["mls-ts"], "epochs");
  }

  /** One message of each member to all others. */
  async chat(): Promise<void> {
    for (const from of this.members) {
      const data = utf8(`from ${from.name} ${"x".repeat(from.name.length * 7)}`);
      const sealed = isOurs(from) ? await from.encrypt(data, utf8(from.name)) : from.encrypt(data);
      for (const to of this.others(from)) await this.deliver(to, sealed, data);
    }
  }

  async deliver(to: Anyone, sealed: Uint8Array, data: Uint8Array): Promise<void> {
    if (isOurs(to)) expect(await to.receive(sealed)).toMatchObject({ kind: "application", data });
    else expect(to.receive(sealed)).toEqual(data);
    playedBy(["mls-ts"], "messages");
  }

  leafOf({ name }: Anyone): number {
    const [first] = this.ours as [CopsePeer];
    const found = first.members.find(([, other]) => other === name);
    if (found === undefined) throw new Error(`${name} is no member`);
    return found[0];
  }

  /** Nothing that is sent now is read by one who was removed, and it can't send any more. */
  private async expectShutOut(leaver: Anyone): Promise<void> {
    const [first] = this.ours as [CopsePeer];
    const data = utf8("not for you");
    const sealed = await first.encrypt(data);
    for (const other of this.others(first)) await this.deliver(other, sealed, data);
    const [read, written] = isOurs(leaver)
      ? [leaver.receive(sealed), leaver.encrypt(data)]
      : [attempt(() => leaver.receive(sealed)), attempt(() => leaver.encrypt(data))];
    await expect(read).rejects.toThrow();
    await expect(written).rejects.toThrow();
    this.count(leaver, "is removed");
  }
}

/** What throws, as a promise that is rejected. */
export async function attempt<T>(work: () => T): Promise<T> {
  return work();
}

/** mls-ts takes key packages raw only. */
export async function rawKeyPackage(one: Anyone): Promise<Uint8Array> {
  const keyPackage = await one.keyPackage();
  return isOurs(one) ? unframe(keyPackage) : keyPackage;
}
