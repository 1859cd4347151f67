// RFC 9420 §9, §14: members without anybody who orders their commits: each sees the same messages in an order of its own.
import { type CryptoProvider, type Group, MlsError, toHex } from "@copse/core";
import { keepEpochs, keptCommits, peek } from "@copse/core/rewind";
import { nodeProvider } from "@copse/provider-node";
import { gather, type Party, party, reopened } from "@copse/test-support/clients";
import { expect } from "vitest";
import { Convergence, type Sent } from "../../../../examples/src/convergence.js";

/** Counts of what happened, so that a test can check that it did. */
export const noTally = () => ({
  commits: 0,
  rewinds: 0,
  comebacks: 0,
  removals: 0,
  read: 0,
  peeked: 0,
  refused: 0,
  restores: 0,
  lost: 0,
});

/** One step: what is done, by whom, and a number that chooses how. */
export type Step = readonly [
  kind: "send" | "propose" | "commit" | "deliver" | "lose" | "restore" | "again",
  who: number,
  what: number,
];

interface Person {
  readonly party: Party;
  group: Group;
  mind: Convergence;
  inbox: Sent[];
  /** What it won't get before the end. */
  lost: Sent[];
  /** What it has read as a message: it must never be readable again. */
  readonly read: Map<string, Uint8Array>;
}

const pick = <T>(list: readonly T[], choice: number): T | undefined => list[choice % list.length];

/** A provider that fails the test if two messages are encrypted by the same key. */
export function noKeyTwice(inner: CryptoProvider = nodeProvider()): CryptoProvider {
  const used = new Set<string>();
  return {
    ...inner,
    suite(id) {
      const suite = inner.suite(id);
      return {
        ...suite,
        aead: {
          ...suite.aead,
          seal: (key, nonce, aad, plaintext) => {
            const name = toHex(key);
            expect(used.has(name), "a key encrypts twice").toBe(false);
            used.add(name);
            return suite.aead.seal(key, nonce, aad, plaintext);
          },
        },
      };
    },
  };
}

export class World {
  readonly people: Person[];
  readonly #tally: ReturnType<typeof noTally>;
  #clock = 0;

  private constructor(people: Person[], tally: ReturnType<typeof noTally>) {
    this.people = people;
    this.#tally = tally;
  }

  static async create(size: number, tally: ReturnType<typeof noTally>): Promise<World> {
    const crypto = noKeyTwice();
    const parties: Party[] = [];
    for (let i = 0; i < size; i++) {
      const handshake = i % 2 === 0 ? "private" : "public";
      const policy = { handshake, rewind: keepEpochs({ epochs: 32, age: 3600 }), maxPastEpochs: 3 } as const;
      parties.push(await party(`person ${i}`, { suite: 1, crypto, policy }));
    }
    const { groups } = await gather(parties);
    const people = groups.map((group, i): Person => {
      const mind = new Convergence(group);
      return { party: parties[i] as Party, group, mind, inbox: [], lost: [], read: new Map() };
    });
    return new World(people, tally);
  }

  #publish(message: Uint8Array, what: number): Sent {
    // Not always later than what was sent before: clocks differ.
    const sent = { message, createdAt: this.#clock++ - (what % 4), id: toHex(message.slice(-8)) };
    for (const { inbox } of this.people) inbox.push(sent);
    return sent;
  }

  async step([kind, who, what]: Step): Promise<void> {
    const person = pick(this.people, who) as Person;
    const { group } = person;
    try {
      switch (kind) {
        case "send":
          return void this.#publish(await group.encrypt(`message ${what}`), what);
        case "propose":
          return void this.#publish(await group.propose({ update: true }), what);
        case "commit":
          return await this.#commit(person, what);
        case "deliver":
          return await this.#deliver(
            person,
            person.inbox.splice(what % Math.max(1, person.inbox.length), 1)[0],
          );
        case "lose":
          person.lost.push(...person.inbox.splice(what % Math.max(1, person.inbox.length), 1));
          this.#tally.lost++;
          return;
        case "restore":
          return await this.#restore(person);
        case "again":
          return await this.#again(person, pick([...person.read.values()], what));
      }
    } catch (error) {
      // Who isn't a member can't send, and who has proposals commits them first.
      if (!(error instanceof MlsError && ["removed", "pending", "closed"].includes(error.code))) throw error;
    }
  }

  async #commit({ group }: Person, what: number): Promise<void> {
    const others = group.members
      .map(({ leafIndex }) => leafIndex)
      .filter((leaf) => leaf !== group.ownLeafIndex);
    const remove = what % 5 === 0 && others.length > 1 ? [pick(others, what) as number] : [];
    const { commit } = await group.commit({ remove, forcePath: true, replacePending: true });
    this.#tally.commits++;
    this.#tally.removals += remove.length;
    this.#publish(commit, what);
  }

  async #deliver(person: Person, sent: Sent | undefined): Promise<void> {
    if (sent === undefined) return;
    const { group } = person;
    const wasActive = group.active;
    const outcome = await person.mind.offer(sent);
    if (outcome.kind === "handshake")
      this.#tally.rewinds += outcome.adopted.filter(({ left }) => left.length > 0).length;
    if (group.active && !wasActive) this.#tally.comebacks++;
    if (outcome.kind !== "message" || outcome.received.kind !== "application") {
      // Not read yet: perhaps after the next commits.
      if (outcome.kind === "unread") person.lost.push(sent);
      return;
    }
    expect(person.read.has(toHex(sent.message)), "a message is read twice").toBe(false);
    const isConsumed = await this.#isConsumed(person, sent.message);
    if (isConsumed) person.read.set(toHex(sent.message), sent.message);
    this.#tally[isConsumed ? "read" : "peeked"]++;
  }

  /** Whether nobody can read a message any more, in the present branch and in all others. */
  async #isConsumed({ group }: Person, message: Uint8Array): Promise<boolean> {
    const isRefused = (call: Promise<unknown>) =>
      call.then(
        () => false,
        (error) => error instanceof MlsError,
      );
    for (const { commit } of keptCommits(group))
      if (!(await isRefused(peek(group, commit, message)))) return false;
    return true;
  }

  async #restore(person: Person): Promise<void> {
    person.group = await reopened(person.party.client, person.group);
    person.mind = new Convergence(person.group, undefined, person.mind.known);
    this.#tally.restores++;
  }

  /** What was read comes again. */
  async #again(person: Person, message: Uint8Array | undefined): Promise<void> {
    if (message === undefined) return;
    await expect(person.group.receive(message)).rejects.toThrow(MlsError);
    expect(await this.#isConsumed(person, message), "a consumed message can be read").toBe(true);
    this.#tally.refused++;
  }

  /** Everybody gets everything, in an order of its own. */
  async finish(seed: number): Promise<void> {
    let random = seed + 1;
    for (const person of this.people) {
      person.inbox.push(...person.lost.splice(0));
      while (person.inbox.length > 0) {
        random = (random * 48271) % 2147483647;
        await this.#deliver(person, person.inbox.splice(random % person.inbox.length, 1)[0]);
      }
    }
    const active = this.people.filter(({ group }) => group.active);
    const [first] = active as [Person];
    expect(active.length).toBeGreaterThan(0);
    for (const { group } of active)
      expect(toHex(group.epochAuthenticator)).toBe(toHex(first.group.epochAuthenticator));
    expect(active.map(({ group }) => group.ownLeafIndex)).toEqual(
      first.group.members.map((one) => one.leafIndex),
    );
    for (const person of this.people) {
      for (const message of person.read.values()) await this.#again(person, message);
      await this.#restore(person);
      for (const message of person.read.values()) await this.#again(person, message);
    }
    // They still understand each other.
    const message = await first.group.commit({ forcePath: true, replacePending: true });
    await message.merge();
    const hello = await first.group.encrypt("hello");
    for (const { group } of active.slice(1)) {
      await group.receive(message.commit);
      expect(await group.receive(hello)).toMatchObject({ kind: "application" });
    }
  }
}
