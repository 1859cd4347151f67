// RFC 9420 §14: a delivery service for tests that orders commits and nothing else: all messages come late, out of order and twice.
import {
  type CryptoProvider,
  type Group,
  isBasicCredential,
  type Member,
  type StagedCommit,
} from "@copse/core";
import { text } from "@copse/test-support/bytes";
import { type Party, party } from "@copse/test-support/clients";
import { expect } from "vitest";
import { toHex } from "../../src/bytes.js";
import { MlsError } from "../../src/errors.js";
import { DEFAULT_POLICY } from "../../src/group/policy.js";

/** A message on its way to one recipient. */
interface Letter {
  readonly kind: "application" | "proposal" | "commit";
  readonly bytes: Uint8Array;
  /** The epoch that it was sent in. */
  readonly epoch: bigint;
  readonly from: Person;
  readonly text?: string;
  /** Whether the recipient has taken it already. */
  taken: boolean;
}

interface Person {
  readonly name: string;
  readonly party: Party;
  group: Group | undefined;
  /** The epoch with which this person's latest membership begins. */
  since: bigint;
  inbox: Letter[];
  /** A commit made and not yet handed to the delivery service. */
  pending: { readonly messages: StagedCommit; readonly epoch: bigint } | undefined;
  /** Welcomes that couldn't be followed yet. */
  welcomes: { readonly bytes: Uint8Array; readonly tree: Uint8Array | undefined; readonly epoch: bigint }[];
}

/** What everybody in an epoch must agree on. */
interface Fact {
  readonly authenticator: string;
  readonly exported: string;
  readonly tree: string;
  readonly members: readonly string[];
}

/** Counts of what happened, so that a test can check that it did. */
export const noTally = () => ({
  commits: 0,
  lostRaces: 0,
  dropped: 0,
  joins: 0,
  removals: 0,
  read: 0,
  late: 0,
  duplicates: 0,
  shutOut: 0,
  restores: 0,
});

/** One step: what is done, and numbers that choose by whom, to whom and how. */
export type Step = readonly [
  kind: "send" | "propose" | "commit" | "submit" | "deliver" | "restore" | "settle",
  who: number,
  what: number,
  whom: number,
];

const PSK = new Uint8Array([9, 4, 2, 0]);
const pick = <T>(list: readonly T[], choice: number): T | undefined => list[choice % list.length];
const isCommitting = ({ pending }: Person) => pending !== undefined;

function nameOf({ credential }: Member): string {
  return isBasicCredential(credential) ? text(credential.identity) : "?";
}

/** The leaves of the others. */
function others({ members, ownLeafIndex }: Group): number[] {
  return members.map(({ leafIndex }) => leafIndex).filter((leaf) => leaf !== ownLeafIndex);
}

export class World {
  private readonly tally: ReturnType<typeof noTally>;
  private readonly people: Person[];
  /** By the epoch. */
  private readonly facts = new Map<bigint, Fact>();
  private sent = 0;
  /** The epoch that the latest commit gives which the delivery service has taken. */
  private epoch = 0n;

  private constructor(people: Person[], tally: ReturnType<typeof noTally>) {
    this.people = people;
    this.tally = tally;
  }

  /** A world of twelve people, one of whom has a group with the second. */
  static async create(
    suite: number,
    providers: readonly CryptoProvider[],
    tally: ReturnType<typeof noTally>,
  ): Promise<World> {
    const people: Person[] = [];
    for (let i = 0; i < 12; i++) {
      const name = `person ${i}`;
      const crypto = pick(providers, i) as CryptoProvider;
      // Some send their handshakes encrypted, some in public, and some keep the tree out of the Welcome.
      const policy = {
        handshake: i % 3 === 2 ? "public" : "private",
        ratchetTreeInWelcome: i % 4 !== 3,
      } as const;
      people.push({
        name,
        party: await party(name, { suite, crypto, policy, externalPsk: () => PSK }),
        group: undefined,
        since: 0n,
        inbox: [],
        pending: undefined,
        welcomes: [],
      });
    }
    const world = new World(people, tally);
    const [first, second] = people as [Person, Person];
    first.group = await first.party.client.createGroup();
    await world.arrived(first);
    const messages = await first.group.add(await second.party.client.createKeyPackage());
    first.pending = { messages, epoch: 0n };
    await world.submit(first, 0);
    return world;
  }

  private get members(): Person[] {
    return this.people.filter(({ group }) => group?.active === true);
  }

  private isIn(person: Person, epoch: bigint): boolean {
    return this.facts.get(epoch)?.members.includes(person.name) === true && person.since <= epoch;
  }

  /** Compares a member's view of the epoch with that of earlier arrivals. */
  private async arrived({ group, name }: Person): Promise<void> {
    if (group === undefined) return;
    const fact: Fact = {
      authenticator: toHex(group.epochAuthenticator),
      exported: toHex(await group.exportSecret("agreement", new Uint8Array([1]), 32)),
      tree: toHex(group.ratchetTree),
      members: group.members.map(nameOf),
    };
    const known = this.facts.get(group.epoch);
    if (known === undefined) this.facts.set(group.epoch, fact);
    else expect(fact, `${name} in epoch ${group.epoch}`).toEqual(known);
  }

  async step([kind, who, what, whom]: Step): Promise<void> {
    if (kind === "settle") return this.settle();
    const reachable = kind === "deliver" ? this.people.filter(({ inbox }) => inbox.length > 0) : this.members;
    const person = pick(reachable, who);
    if (person === undefined) return;
    switch (kind) {
      case "send":
        return this.send(person);
      case "propose":
        return this.propose(person, what, whom);
      case "commit":
        return this.commit(person, what, whom);
      case "submit":
        return this.submit(pick(this.people.filter(isCommitting), who) ?? person, what);
      case "deliver":
        for (let i = 0; i <= what % 4; i++) await this.deliver(person, whom + 7 * i, (what + i) % 5 === 0);
        return;
      case "restore":
        return this.restore(person);
    }
  }

  /** Posts a message to everybody; a non-member must not be able to read it. */
  private post(letter: Omit<Letter, "taken">): void {
    for (const person of this.people) person.inbox.push({ ...letter, taken: false });
  }

  private async send(from: Person): Promise<void> {
    const group = from.group as Group;
    const message = `message ${this.sent++} of ${from.name}`;
    try {
      const bytes = await group.encrypt(message);
      this.post({ kind: "application", bytes, epoch: group.epoch, from, text: message });
    } catch (error) {
      // §12.4: a member with pending proposals commits them before it sends data.
      if (error instanceof MlsError && error.code === "pending" && group.proposals.length > 0) return;
      throw error;
    }
  }

  private outsiders(group: Group): Person[] {
    const names = new Set(group.members.map(nameOf));
    return this.people.filter((person) => !names.has(person.name) && !isCommitting(person));
  }

  private async propose(from: Person, what: number, whom: number): Promise<void> {
    const group = from.group as Group;
    const newMember = pick(this.outsiders(group), whom);
    const victim = pick(others(group), whom);
    const kinds = ["update", "update", "psk"];
    if (newMember !== undefined) kinds.push("add");
    if (group.members.length > 3) kinds.push("remove");
    const requests = {
      add: async () => ({ add: await (newMember as Person).party.client.createKeyPackage() }),
      remove: async () => ({ remove: victim as number }),
      psk: async () => ({ psk: { external: PSK } }),
      update: async () => ({ update: true as const }),
    };
    const request = await requests[pick(kinds, what) as keyof typeof requests]();
    this.post({ kind: "proposal", bytes: await group.propose(request), epoch: group.epoch, from });
  }

  private async commit(from: Person, what: number, whom: number): Promise<void> {
    const group = from.group as Group;
    if (group.hasPendingCommit) return;
    const add: Uint8Array[] = [];
    if (what % 2 === 0) {
      const newMembers = this.outsiders(group).slice(whom % 5, (whom % 5) + 1 + (whom % 3));
      for (const { party } of newMembers) add.push(await party.client.createKeyPackage());
    }
    const remove: number[] = [];
    if (what % 3 === 0 && group.members.length > 3) remove.push(pick(others(group), whom) as number);
    const psks = what % 7 === 0 ? [{ external: PSK }] : [];
    const messages = await group.commit({ add, remove, psks, forcePath: what % 4 < 2 });
    from.pending = { messages, epoch: group.epoch };
  }

  /** Hands a commit to the delivery service, which takes the first one in each epoch. */
  private async submit(from: Person, what: number): Promise<void> {
    const { pending, group } = from;
    if (pending === undefined || group === undefined) return;
    from.pending = undefined;
    const { messages, epoch } = pending;
    if (epoch !== this.epoch) {
      this.tally.lostRaces++;
      // The pending commit is dropped at once, or when the other one comes.
      if (what % 2 === 0 && group.hasPendingCommit) await group.clearPendingCommit();
      return;
    }
    const merged = what % 3 === 0 ? await group.receive(messages.commit) : await group.mergePendingCommit();
    if (merged.kind !== "commit") throw new Error("the own commit isn't recognised");
    this.epoch++;
    this.tally.commits++;
    this.tally.removals += merged.removed.length;
    expect(merged).toMatchObject({ own: true, epoch: this.epoch });
    await this.arrived(from);
    this.post({ kind: "commit", bytes: messages.commit, epoch, from });
    const added = merged.added.map(nameOf);
    for (const person of this.people.filter(({ name }) => added.includes(name))) {
      const bytes = messages.welcome as Uint8Array;
      person.welcomes.push({ bytes, tree: messages.ratchetTree, epoch: this.epoch });
      await this.join(person);
    }
  }

  /** Joins by the latest Welcome, once this person has left the earlier group too. */
  private async join(person: Person): Promise<void> {
    const latest = person.welcomes.at(-1);
    if (latest === undefined || person.group?.active === true) return;
    person.welcomes = [];
    person.group = await person.party.client.join(latest.bytes, { ratchetTree: latest.tree });
    person.since = latest.epoch;
    expect(person.group.epoch).toBe(latest.epoch);
    this.tally.joins++;
    await this.arrived(person);
  }

  private async deliver(person: Person, choice: number, twice: boolean): Promise<void> {
    const { group, inbox } = person;
    const letter = pick(inbox, choice);
    // The inbox of a later joiner holds earlier messages too.
    if (letter === undefined || group === undefined) return;
    const done = () => {
      if (!twice) person.inbox = person.inbox.filter((one) => one !== letter);
    };
    const before = group.epoch;
    let received: Awaited<ReturnType<Group["receive"]>>;
    try {
      received = await group.receive(letter.bytes);
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
      this.explain(person, letter, error, before);
      if (error.retry !== "later") done();
      return;
    }
    switch (received.kind) {
      case "application":
        expect(this.isIn(person, letter.epoch), `${person.name} reads "${letter.text}"`).toBe(true);
        expect(letter.taken, "read twice").toBe(false);
        expect(text(received.data)).toBe(letter.text);
        expect(nameOf(received.sender)).toBe(letter.from.name);
        this.tally.read++;
        if (letter.epoch < before) this.tally.late++;
        break;
      case "proposal":
        expect(letter.kind).toBe("proposal");
        break;
      case "own":
        expect(letter.from).toBe(person);
        break;
      case "commit":
        expect(letter.kind).toBe("commit");
        if (received.droppedPending) this.tally.dropped++;
        person.pending = undefined;
        if (received.active) await this.arrived(person);
        else await this.join(person);
        break;
    }
    letter.taken = true;
    done();
  }

  /** Checks that a refusal is an expected one. */
  private explain(person: Person, letter: Letter, { code, message }: MlsError, now: bigint): void {
    const where = `${person.name} in epoch ${now}, ${letter.kind} of ${letter.epoch}: ${message}`;
    const isApplication = letter.kind === "application";
    if (letter.taken) this.tally.duplicates++;
    if (person.group?.active !== true) {
      expect(code, where).toBe("removed");
      this.tally.shutOut++;
    } else if (letter.epoch > now) {
      expect(code, where).toBe("future-epoch");
    } else if (isApplication && !this.isIn(person, letter.epoch)) {
      expect(code, where).toBe("forgotten");
      this.tally.shutOut++;
    } else if (isApplication) {
      const old = now - letter.epoch > BigInt(DEFAULT_POLICY.maxPastEpochs);
      expect(code, where).toBe(old ? "forgotten" : "duplicate");
      expect(old || letter.taken, where).toBe(true);
    } else if (letter.epoch < now) {
      const old = now - letter.epoch > BigInt(DEFAULT_POLICY.maxPastEpochs);
      // The commit that ended the epoch may come again; another one of the same epoch lost the race.
      const again = letter.taken ? "duplicate" : "fork";
      expect(code, where).toBe(
        letter.kind === "commit" && !old && this.isIn(person, letter.epoch) ? again : "past-epoch",
      );
    } else if (letter.kind === "commit") {
      // The proposals that it refers to are still on their way.
      expect(code, where).toBe("proposal-missing");
    } else {
      // A proposal in a private message, given twice.
      expect(code, where).toBe("duplicate");
      expect(letter.taken, where).toBe(true);
    }
  }

  private async restore(person: Person): Promise<void> {
    const saved = await (person.group as Group).save();
    await (person.group as Group).close();
    person.group = await person.party.client.restore(saved);
    expect(toHex(await person.group.save())).toBe(toHex(saved));
    this.tally.restores++;
  }

  /** Delivers all that there is, and compares. */
  private async settle(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      let [before, after] = [0, 0];
      for (const person of this.people) {
        await this.join(person);
        if (person.group === undefined) continue;
        before += person.inbox.length;
        for (const i of [...person.inbox.keys()]) await this.deliver(person, i, false);
        after += person.inbox.length;
      }
      if (before === after && this.members.every(({ group }) => group?.epoch === this.epoch)) break;
    }
    const names = this.members.map(({ name }) => name).sort();
    expect(names).toEqual([...(this.facts.get(this.epoch) as Fact).members].sort());
    for (const person of this.members) {
      expect(person.group?.epoch).toBe(this.epoch);
      await this.arrived(person);
    }
  }

  /** At the end all members can read each other's messages, and nobody else can. */
  async finish(): Promise<void> {
    await this.settle();
    const [first] = this.members as [Person];
    // What proposals are left over are committed, so that messages can be sent.
    if (first.group?.hasPendingCommit) await first.group.clearPendingCommit();
    await this.commit(first, 1, 0);
    await this.submit(first, 1);
    await this.settle();
    const { read } = this.tally;
    const all = this.members;
    for (const person of all) await this.send(person);
    await this.settle();
    expect(this.tally.read - read).toBe(all.length * (all.length - 1));
  }
}
