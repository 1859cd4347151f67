// RFC 9420 §9.2, §16.2: a member whose process ends at any write goes on from its storage, and uses no key twice.
import { type Group, MlsError, type Received } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { text } from "@copse/test-support/bytes";
import { type Party, party } from "@copse/test-support/clients";
import { code } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { type Fate, opened, SUITE, TestStorage } from "./stores.js";

const ID = new Uint8Array([4, 4]);

/** Numbers that are the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What was received, or why not. */
const said = (one: PromiseSettledResult<Received>): unknown => {
  if (one.status === "rejected") return one.reason.code;
  return one.value.kind === "application" && text(one.value.data);
};

/** Alice, whose process ends now and then, and Bob, who takes each of her messages once. */
class Course {
  readonly storage = new TestStorage();
  readonly #next: (below: number) => number;
  readonly #bob: Party;
  #alice!: StoredClient;
  #a!: Group;
  #b!: Group;
  readonly tally = { crashes: 0, sent: 0, received: 0, lost: 0, batches: 0, commits: 0, joins: 0 };

  constructor(seed: number, bob: Party) {
    this.#next = numbers(seed);
    this.#bob = bob;
  }

  async begin(): Promise<void> {
    this.#alice = await opened(this.storage);
    this.#b = await this.#bob.client.createGroup({ groupId: ID });
    const { welcome } = await this.#b.add(await this.#alice.createKeyPackage());
    await this.#b.mergePendingCommit();
    this.#a = await this.#alice.join(welcome as Uint8Array);
  }

  /** Runs a call of Alice's client. If its write fails, the process ends. @returns `undefined` then */
  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    const fate = (["made", "made", "made", "lost", "late"] satisfies Fate[])[this.#next(5)] as Fate;
    this.storage.fates.push(fate);
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof MlsError && error.code === "storage")) throw error;
      this.tally.crashes++;
      this.#alice = await opened(this.storage);
      this.#a = (await this.#alice.group(ID)) as Group;
      return undefined;
    } finally {
      this.storage.fates.length = 0;
    }
  }

  async step(): Promise<void> {
    const kind = this.#next(10);
    if (kind < 2) await this.#send();
    else if (kind < 3) await this.#sendAll();
    else if (kind < 4) await this.#receive();
    else if (kind < 5) await this.#receiveAll();
    else if (kind < 7) await this.#commit();
    else if (kind < 9) await this.#follow();
    else await this.#joinAnother();
  }

  async #send(): Promise<void> {
    const sent = `message ${this.tally.sent++}`;
    const message = await this.#try(() => this.#a.encrypt(sent));
    if (message === undefined) return;
    const received = await this.#b.receive(message);
    expect(received.kind === "application" && text(received.data)).toBe(sent);
  }

  async #receive(): Promise<void> {
    const sent = `answer ${this.tally.received++}`;
    const message = await this.#b.encrypt(sent);
    for (let isTaken = false; !isTaken; ) {
      try {
        const received = await this.#try(() => this.#a.receive(message));
        if (received === undefined) continue;
        expect(received.kind === "application" && text(received.data)).toBe(sent);
      } catch (error) {
        // Written, but not answered.
        expect(error).toEqual(code("duplicate"));
        this.tally.lost++;
      }
      isTaken = true;
    }
    await expect(this.#a.receive(message)).rejects.toEqual(code("duplicate"));
  }

  #words(): string[] {
    return Array.from({ length: this.#next(5) }, (_, i) => `batch ${this.tally.batches++} ${i}`);
  }

  async #sendAll(): Promise<void> {
    const sent = this.#words();
    const messages = await this.#try(() => this.#a.encryptAll(sent));
    if (messages !== undefined) expect((await this.#b.receiveAll(messages)).map(said)).toEqual(sent);
  }

  /** All of them were written, or none. */
  async #receiveAll(): Promise<void> {
    const sent = this.#words();
    const messages = await this.#b.encryptAll(sent);
    let results: PromiseSettledResult<Received>[] | undefined;
    while (results === undefined) results = await this.#try(() => this.#a.receiveAll(messages));
    const lost = sent.map(() => "duplicate");
    expect([sent, lost]).toContainEqual(results.map(said));
    // Written, but not answered.
    if (results.some(({ status }) => status === "rejected")) this.tally.lost++;
    expect((await this.#a.receiveAll(messages)).map(said)).toEqual(lost);
  }

  async #commit(): Promise<void> {
    const staged = await this.#try(() => this.#a.commit({ forcePath: true, replacePending: true }));
    // What was written and not answered is found again.
    const { commit } = staged ?? this.#a.staged.at(-1) ?? {};
    if (commit === undefined) return;
    await this.#b.receive(commit);
    while (this.#a.epoch < this.#b.epoch) await this.#try(() => this.#a.mergePendingCommit());
    this.#agree();
  }

  async #follow(): Promise<void> {
    const { commit } = await this.#b.update();
    while (this.#a.epoch === this.#b.epoch) await this.#try(() => this.#a.receive(commit));
    await this.#b.mergePendingCommit();
    this.#agree();
  }

  async #joinAnother(): Promise<void> {
    const keyPackage = await this.#try(() => this.#alice.createKeyPackage());
    if (keyPackage === undefined) return;
    const other = await this.#bob.client.createGroup();
    const { welcome } = await other.add(keyPackage);
    await other.mergePendingCommit();
    let group: Group | undefined;
    while (group === undefined) {
      // Written, but not answered, it is found.
      group = await this.#alice.group(other.groupId);
      group ??= await this.#try(() => this.#alice.join(welcome as Uint8Array));
    }
    await other.receive(await group.encrypt("here I am"));
    this.tally.joins++;
  }

  #agree(): void {
    expect(this.#a.epochAuthenticator).toEqual(this.#b.epochAuthenticator);
    this.tally.commits++;
  }
}

it.each([1, 2, 3, 4])("course %i", async (seed) => {
  const course = new Course(seed, await party("bob", { suite: SUITE }));
  await course.begin();
  for (let i = 0; i < 80; i++) await course.step();
  for (const [what, times] of Object.entries(course.tally)) expect(times, what).toBeGreaterThan(0);
});
