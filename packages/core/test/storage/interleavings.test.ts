// RFC 9420 §9.2, §16.2: two openers of one storage that do all kinds of things at once, while writes fail, get lost and come late.
import { type Group, generateSigner, MlsError } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type ClientStorage, memoryStorage, type StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { lastResort, MARKED } from "@copse/test-support/last-resort";
import { randomFrom } from "@copse/test-support/random";
import { expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { type Below, Bob, Calls, codeOf, isNoRoom, type Mode, Shaky } from "./interleaving.js";
import { opened, SUITE } from "./stores.js";

/** How many courses are tried of each mode: more of them by the environment. */
const COURSES = Number(process.env.COPSE_INTERLEAVINGS ?? 2);
const FIRST = Number(process.env.COPSE_INTERLEAVINGS_FROM ?? 1);
const STEPS = 14;

/** What a call may be refused with, if another opener, a closed group or a failed write came between. */
const EXPECTED = [
  "stale-state",
  "closed",
  "pending",
  "missing",
  "usage",
  "duplicate",
  "not-invited",
  "removed",
  "past-epoch",
  "future-epoch",
  "fork",
  "forgotten",
];

const listed = (client: StoredClient) =>
  client
    .knownGroups()
    .map(({ name, status }) => `${name} ${status}`)
    .sort();

const listedKeyPackages = (client: StoredClient) =>
  client
    .keyPackages()
    .map(({ reference }) => Buffer.from(reference).toString("hex"))
    .sort();

class Course {
  readonly #below: Below;
  readonly #inner: ClientStorage = memoryStorage();
  readonly #shaky: Shaky;
  readonly #watched = watched(true);
  readonly #bob: Bob;
  readonly #mode: Mode;
  readonly #calls: Calls;
  #lastResort!: Uint8Array;
  readonly #welcomes: Uint8Array[] = [];
  readonly #expected: ReadonlySet<string>;
  readonly log: string[] = [];

  constructor(seed: number, bob: Bob, mode: Mode) {
    this.#below = randomFrom(seed);
    this.#shaky = new Shaky(this.#inner, this.#below);
    this.#bob = bob;
    this.#mode = mode;
    this.#calls = new Calls(this.#below, mode);
    this.#expected = new Set([
      ...EXPECTED,
      ...(mode.aborts ? ["try-again", "storage"] : []),
      ...(mode.isHard ? ["storage"] : []),
    ]);
  }

  open(): Promise<StoredClient> {
    const storage = this.#mode.isSealed ? this.#shaky.openSealed() : this.#shaky.open();
    return opened(storage, "alice", { crypto: this.#watched.crypto, extensions: [lastResort] });
  }

  async begin(): Promise<[StoredClient, StoredClient]> {
    const [one, other] = [await this.open(), await this.open()];
    await one.join(await this.#bob.newRoom(await one.createKeyPackage()));
    this.#lastResort = await one.createKeyPackage(MARKED);
    await other.refresh();
    this.#shaky.isFailing = this.#mode.isHard;
    return [one, other];
  }

  /** Any room but the first one. */
  #otherRoom(): Group | undefined {
    const { rooms } = this.#bob;
    const i = this.#below(rooms.length);
    return i === 0 ? undefined : rooms[i];
  }

  async #commit(group: Group): Promise<void> {
    const other = this.#below(3) === 0 ? { signer: await generateSigner(nodeProvider(), SUITE) } : {};
    const staged = await this.#calls.with((options) =>
      group.update({ replacePending: true, ...other, ...options }),
    );
    if (await this.#bob.take(staged.commit)) await this.#calls.with((options) => staged.merge(options));
  }

  /** Joins. Without `replace`, it may be refused because the group exists. */
  async #enter(client: StoredClient, welcome: Uint8Array, replace: boolean): Promise<void> {
    try {
      await this.#calls.with((options) => client.join(welcome, { ...options, replace }));
    } catch (error) {
      if (replace || codeOf(error) !== "group-exists") throw error;
    }
  }

  async #join(client: StoredClient): Promise<void> {
    const welcome = await this.#bob.newRoom(await client.createKeyPackage());
    await this.#enter(client, welcome, false);
  }

  async #joinByLastResort(client: StoredClient): Promise<void> {
    if (this.#welcomes.length === 0 || this.#below(3) === 0)
      this.#welcomes.push(await this.#bob.newRoom(this.#lastResort, true));
    const welcome = this.#welcomes[this.#below(this.#welcomes.length)] as Uint8Array;
    await this.#enter(client, welcome, this.#below(3) === 0);
  }

  /** Bob removes Alice from another room, she learns it, perhaps, and is added again. */
  async #removed(client: StoredClient): Promise<void> {
    const room = this.#otherRoom();
    if (room === undefined) return;
    const { commit, welcome } = await this.#bob.addAnew(room, await client.createKeyPackage());
    if (commit !== undefined && this.#below(3) > 0) {
      const group = await client.group(room.groupId);
      if (group !== undefined)
        await this.#calls.with((options) => group.receive(commit, options)).catch(() => undefined);
    }
    await this.#enter(client, welcome, this.#below(2) === 0);
  }

  /** A room that Alice is in, or was: by an external commit she comes back. */
  async #comeBack(client: StoredClient): Promise<void> {
    const room = this.#otherRoom();
    if (room === undefined) return;
    const info = await this.#bob.do(() => room.groupInfo());
    const { staged } = await this.#calls.with((options) =>
      joinByExternalCommit(client, info, { resync: "if-member", replace: true, ...options }),
    );
    const receive = () =>
      room.receive(staged.commit).then(
        () => true,
        () => false,
      );
    const isTaken = this.#below(3) > 0 && (await this.#bob.do(receive));
    await this.#calls.with<unknown>((options) => (isTaken ? staged.merge(options) : staged.discard(options)));
  }

  async #deleteGroup(client: StoredClient, joining: boolean): Promise<void> {
    const id = this.#bob.room.groupId.join();
    const found = client
      .knownGroups()
      .find(({ status, groupId }) => (joining ? status === "joining" : groupId.join() !== id));
    if (found !== undefined) await this.#calls.with((options) => client.deleteGroup(found, options));
  }

  async #deleteKeyPackage(client: StoredClient): Promise<void> {
    const all = client.keyPackages();
    const found = all.find((one) => !one.lastResort || this.#below(10) === 0);
    if (found !== undefined)
      await this.#calls.with((options) => client.deleteKeyPackage(found.reference, options));
  }

  /** What is done, as often as the numbers say. */
  readonly #deeds: readonly [number, (client: StoredClient, group: Group) => Promise<unknown>][] = [
    [
      3,
      async (_, group) => this.#bob.hear(await this.#calls.with((options) => group.encrypt("one", options))),
    ],
    [1, (_, group) => this.#encryptAll(group)],
    [2, (_, group) => this.#commit(group)],
    [3, () => this.#bob.speak(this.#below(2) === 0)],
    [3, (_, group) => this.#bob.tellAll(group)],
    [1, (client) => this.#calls.with((options) => client.createKeyPackage(options))],
    [1, (client) => this.#deleteKeyPackage(client)],
    [2, (client) => this.#join(client)],
    [2, (client) => this.#comeBack(client)],
    [1, (client) => this.#deleteGroup(client, true)],
    [1, (client) => this.#deleteGroup(client, false)],
    [1, (client) => client.refresh()],
    [1, async (_, group) => this.#mode.isHard && group.close()],
    [2, (client) => this.#joinByLastResort(client)],
    [1, (client) => this.#bob.tellTexts(client)],
    [2, (client) => this.#removed(client)],
  ];

  async #encryptAll(group: Group): Promise<void> {
    for (const one of await this.#calls.with((options) => group.encryptAll(["a", "b"], options)))
      await this.#bob.hear(one);
  }

  async play(client: StoredClient): Promise<void> {
    const all = this.#deeds.flatMap(([count, deed]) => Array.from({ length: count }, () => deed));
    for (let n = 0; n < STEPS; n++) {
      const what = this.#below(all.length);
      try {
        await all[what]?.(client, (await client.group(this.#bob.room.groupId)) as Group);
        this.log.push(`${what}`);
      } catch (error) {
        this.log.push(`${what}: ${codeOf(error)} ${(error as Error).message}`);
        const isExpected = error instanceof MlsError && this.#expected.has(error.code);
        if (!isExpected && !isNoRoom(error)) throw error;
      }
    }
  }

  /** Each opener can use all that it lists, and is where Bob is. */
  async #checkOpener(client: StoredClient): Promise<void> {
    await client.refresh();
    const before = listed(client);
    for (const known of client.knownGroups()) {
      if (known.status === "joining") continue;
      const group = (await client.group(known)) as Group;
      if (group.active) await group.exportSecret("x", new Uint8Array(), 16);
    }
    expect(listed(client), "after a look").toEqual(before);
    const main = (await client.group(this.#bob.room.groupId)) as Group;
    await this.#bob.tellAll(main);
    expect(main.epochAuthenticator).toEqual(this.#bob.room.epochAuthenticator);
    await this.#bob.hear(await main.encrypt("all is well"));
  }

  /** All that is left agrees, and goes without a trace. */
  async end(clients: readonly StoredClient[]): Promise<void> {
    this.#shaky.isFailing = false;
    // What was given up may still be written.
    for (let n = 0; n < 60; n++) await new Promise(setImmediate);
    for (const one of clients) await this.#checkOpener(one);
    const client = await this.open();
    for (const one of clients) {
      expect(listedKeyPackages(one), "key packages").toEqual(listedKeyPackages(client));
      expect(listed(one), "groups").toEqual(listed(client));
    }
    const names = client.knownGroups().filter(({ status }) => status !== "joining");
    expect(new Set(names.map(({ groupId }) => groupId.join())).size, "groups of one ID").toBe(names.length);
    for (const known of client.knownGroups()) {
      const loaded = await client.group(known);
      expect(loaded).toBeDefined();
      // So that one which is joined and one that it would replace can both be looked at.
      await loaded?.close();
    }
    const group = (await client.group(this.#bob.room.groupId)) as Group;
    await this.#bob.tellAll(group);
    expect(group.epochAuthenticator).toEqual(this.#bob.room.epochAuthenticator);
    await this.#calls.check(client);
    if (!this.#mode.isHard && !this.#mode.aborts) await this.#deleteAll(client);
  }

  async #deleteAll(client: StoredClient): Promise<void> {
    for (const known of client.knownGroups()) await client.deleteGroup(known);
    for (const { reference } of client.keyPackages()) await client.deleteKeyPackage(reference);
    // The leaf key of the key package of last resort is left to a sweep.
    expect(this.#watched.store.size, "private keys in the key store").toBeLessThan(2);
    const keys = (await this.#inner.list("")).map(({ key }) => key);
    expect(keys.filter((key) => /^(group|client\/keys)\//.test(key))).toEqual([]);
    expect(keys.filter((key) => key.startsWith("client/signers/")).length, "signers").toBeLessThan(2);
  }
}

const MODES: readonly Mode[] = [
  { isHard: true, isSealed: false, aborts: false },
  { isHard: false, isSealed: false, aborts: false },
  { isHard: false, isSealed: true, aborts: false },
  { isHard: false, isSealed: true, aborts: true },
  { isHard: true, isSealed: true, aborts: true },
  { isHard: false, isSealed: false, aborts: true },
];

const timeout = 1000 * COURSES + 20_000;

it.each(MODES)(
  "leaves groups that can be loaded, one of each ID (failures: $isHard, sealed: $isSealed, aborts: $aborts)",
  { timeout },
  async (mode) => {
    for (let seed = FIRST; seed < FIRST + COURSES; seed++) {
      const course = new Course(seed, await Bob.create(), mode);
      const [one, other] = await course.begin();
      try {
        await Promise.all([course.play(one), course.play(one), course.play(other)]);
        await course.end([one, other]);
      } catch (cause) {
        const { message } = cause as Error;
        throw new Error(`seed ${seed}: ${message}\n${course.log.slice(-30).join("\n")}`, { cause });
      }
    }
  },
);
