// RFC 9420 §9.2, §16.2: two openers of one storage that do all kinds of things at once, while writes fail, get lost and come late.
import { type Group, MlsError } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type ClientStorage, memoryStorage, type StoredClient } from "@copse/core/storage";
import { type Party, party } from "@copse/test-support/clients";
import { randomFrom } from "@copse/test-support/random";
import { expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { opened, SUITE } from "./stores.js";

/** How many courses are tried: more of them by the environment. */
const COURSES = Number(process.env.COPSE_INTERLEAVINGS ?? 12);
const FIRST = Number(process.env.COPSE_INTERLEAVINGS_FROM ?? 1);
const STEPS = 14;

/** What a call may be refused with, if another opener, a closed group or a failed write came between. */
const EXPECTED = [
  "storage",
  "stale-state",
  "closed",
  "pending",
  "missing",
  "usage",
  "duplicate",
  "not-invited",
  "group-exists",
  "removed",
  "past-epoch",
  "future-epoch",
  "fork",
  "forgotten",
];

class Course {
  readonly #below: (count: number) => number;
  readonly #inner: ClientStorage = memoryStorage();
  readonly #watched = watched(true);
  readonly #bob: Party;
  readonly #isHard: boolean;
  /** Bob's group in which Alice is from the beginning on, and those that she joins. */
  readonly #rooms: Group[] = [];
  /** What Bob said in the first one, and how often Alice has read it. */
  readonly #said: { bytes: Uint8Array; isText: boolean; read: number }[] = [];
  #bobs: Promise<unknown> = Promise.resolve();
  fails = false;
  readonly log: string[] = [];

  /** @param isHard whether writes fail, and groups are closed while they work */
  constructor(seed: number, bob: Party, isHard: boolean) {
    this.#below = randomFrom(seed);
    this.#bob = bob;
    this.#isHard = isHard;
  }

  async #pause(): Promise<void> {
    for (let n = this.#below(4); n > 0; n--) await new Promise(setImmediate);
  }

  #slow(): ClientStorage {
    const inner = this.#inner;
    return {
      get: async (key) => {
        await this.#pause();
        return inner.get(key);
      },
      list: async (prefix) => {
        await this.#pause();
        return inner.list(prefix);
      },
      write: async (changes, steps) => {
        const fate = this.#below(12);
        // Copies: whoever gives up waiting overwrites what it gave.
        const copies = changes.map(({ key, value }) => ({ key, value: value?.slice() }));
        await this.#pause();
        if (this.fails && fate === 0) throw new Error("the write is lost");
        const isMade = await inner.write(copies, steps);
        await this.#pause();
        if (this.fails && fate === 1) throw new Error("the answer is lost");
        return isMade;
      },
    };
  }

  open(): Promise<StoredClient> {
    return opened(this.#slow(), "alice", { crypto: this.#watched.crypto });
  }

  get keys(): number {
    return this.#watched.store.size;
  }

  /** What Bob does, one after the other. */
  #asBob<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#bobs.then(work);
    this.#bobs = next.catch(() => undefined);
    return next;
  }

  async #newRoom(keyPackage: Uint8Array): Promise<Uint8Array> {
    const room = await this.#bob.client.createGroup();
    const { welcome } = await room.add(keyPackage);
    await room.mergePendingCommit();
    this.#rooms.push(room);
    return welcome as Uint8Array;
  }

  async begin(): Promise<StoredClient[]> {
    const clients = [await this.open(), await this.open()] as [StoredClient, StoredClient];
    await clients[0].join(await this.#newRoom(await clients[0].createKeyPackage()));
    await clients[1].refresh();
    this.fails = this.#isHard;
    return clients;
  }

  get #room(): Group {
    return this.#rooms[0] as Group;
  }

  /** Bob gets a message, of which nobody has had another one with the same generation. */
  #tell(message: Uint8Array): Promise<string> {
    return this.#asBob(async () => {
      const answer = await this.#room.receive(message).then(({ kind }) => kind, codeOf);
      if (answer === "duplicate") throw new Error("one generation was used twice");
      return answer;
    });
  }

  async #receiveAll(group: Group): Promise<void> {
    for (const one of [...this.#said]) {
      const answer = await group.receive(one.bytes).then(({ kind }) => kind, codeOf);
      if (answer === "application" && one.isText && one.read++ > 0)
        throw new Error("a message was read twice");
    }
  }

  async #commit(group: Group): Promise<void> {
    const staged = await group.update({ replacePending: true });
    const isTaken = await this.#asBob(async () => {
      const answer = await this.#room.receive(staged.commit).then(({ kind }) => kind, codeOf);
      if (answer === "commit") this.#said.push({ bytes: staged.commit, isText: false, read: 0 });
      return answer === "commit";
    });
    if (isTaken) await staged.merge();
  }

  async #bobSpeaks(): Promise<void> {
    await this.#asBob(async () => {
      const isText = this.#below(2) === 0;
      const bytes = isText ? await this.#room.encrypt("from Bob") : (await this.#room.update()).commit;
      if (!isText) await this.#room.mergePendingCommit();
      this.#said.push({ bytes, isText, read: 0 });
    });
  }

  async #join(client: StoredClient): Promise<void> {
    const keyPackage = await client.createKeyPackage();
    await client.join(await this.#asBob(() => this.#newRoom(keyPackage)));
  }

  /** A room that Alice is in, or was: by an external commit she comes back. */
  async #comeBack(client: StoredClient): Promise<void> {
    const room = this.#rooms[this.#below(this.#rooms.length)] as Group;
    if (room === this.#room) return;
    const info = await this.#asBob(() => room.groupInfo());
    const { staged } = await joinByExternalCommit(client, info, { resync: "if-member", replace: true });
    if (this.#below(3) === 0) return staged.discard();
    const isTaken = await this.#asBob(() =>
      room.receive(staged.commit).then(
        () => true,
        () => false,
      ),
    );
    if (isTaken) await staged.merge();
    else await staged.discard();
  }

  async #settle(client: StoredClient): Promise<void> {
    const joining = client.knownGroups().find(({ status }) => status === "joining");
    if (joining !== undefined) await client.deleteGroup(joining);
  }

  async #do(client: StoredClient, what: number): Promise<void> {
    const { groupId } = this.#room;
    const group = (await client.group(groupId)) as Group;
    if (what < 3) await this.#tell(await group.encrypt("from Alice"));
    else if (what < 4) for (const one of await group.encryptAll(["a", "b"])) await this.#tell(one);
    else if (what < 6) await this.#commit(group);
    else if (what < 9) await this.#bobSpeaks();
    else if (what < 12) await this.#receiveAll(group);
    else if (what < 13) await client.createKeyPackage();
    else if (what < 14) {
      const [first] = client.keyPackages();
      if (first !== undefined) await client.deleteKeyPackage(first.reference);
    } else if (what < 16) await this.#join(client);
    else if (what < 18) await this.#comeBack(client);
    else if (what < 19) await this.#settle(client);
    else if (what < 20) await client.refresh();
    else if (this.#isHard) await group.close();
  }

  async play(client: StoredClient): Promise<void> {
    for (let n = 0; n < STEPS; n++) {
      const what = this.#below(21);
      try {
        await this.#do(client, what);
        this.log.push(`${what}`);
      } catch (error) {
        this.log.push(`${what}: ${codeOf(error)} ${(error as Error).message}`);
        const isExpected = error instanceof MlsError && EXPECTED.includes(error.code);
        if (!isExpected) throw error;
      }
    }
  }

  /** All that is left agrees, and goes without a trace. */
  async end(): Promise<void> {
    this.fails = false;
    const client = await this.open();
    const names = client.knownGroups().filter(({ status }) => status !== "joining");
    expect(new Set(names.map(({ groupId }) => groupId.join())).size, "groups of one ID").toBe(names.length);
    for (const known of client.knownGroups()) {
      const loaded = await client.group(known);
      expect(loaded).toBeDefined();
      // So that one which is joined and one that it would replace can both be looked at.
      await loaded?.close();
    }
    const group = (await client.group(this.#room.groupId)) as Group;
    await this.#receiveAll(group);
    expect(group.epochAuthenticator).toEqual(this.#room.epochAuthenticator);
    if (this.#isHard) return;
    for (const known of client.knownGroups()) await client.deleteGroup(known);
    for (const { reference } of client.keyPackages()) await client.deleteKeyPackage(reference);
    expect(this.keys, "private keys in the key store").toBe(0);
  }
}

const codeOf = (error: unknown): string => (error instanceof MlsError ? error.code : String(error));

const timeout = 1000 * COURSES + 20_000;

it.each([true, false])(
  "leaves groups that can be loaded, one of each ID (failures: %s)",
  { timeout },
  async (isHard) => {
    for (let seed = FIRST; seed < FIRST + COURSES; seed++) {
      const course = new Course(seed, await party("bob", { suite: SUITE }), isHard);
      const [one, other] = (await course.begin()) as [StoredClient, StoredClient];
      try {
        await Promise.all([course.play(one), course.play(one), course.play(other)]);
        await course.end();
      } catch (cause) {
        throw new Error(`seed ${seed}: ${(cause as Error).message}\n${course.log.slice(-30).join("\n")}`, {
          cause,
        });
      }
    }
  },
);
