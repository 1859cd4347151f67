// RFC 9420 §9.2: Bob, who knows all that Alice's processes have answered, and sees whether her storage knows it too.
import { type Client, type Group, type MlsError, toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { hex, text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { expect } from "vitest";
import type { Found, Item } from "./orders.js";

export const SUITE = 1;
const ALICES = "a1";
const BOBS = "b0";

/** So many items wait for Alice when she begins. */
const WAITING = 40;

export class Peer {
  readonly #bob: Client;
  readonly #groups = new Map<string, Group>();
  /** What Alice has answered, and not taken back: key packages that nobody has used, groups that she has joined. */
  readonly #keyPackages = new Map<string, string>();
  readonly #joined = new Set<string>();
  readonly #deleted = new Set<string>();
  /** The groups in which she has sent her message. */
  readonly #leaving = new Set<string>();
  /** What she hasn't acknowledged, the oldest first, and the plaintexts of all that are messages. */
  #inbox: Item[] = [];
  readonly #texts = new Map<number, string>();
  readonly #acknowledged = new Set<number>();
  #items = 0;
  /** How many processes were killed in the life before: each may have received something, and not said so. */
  #killed = 0;
  readonly counts = {
    lives: 0,
    "killed while opening": 0,
    extensions: 0,
    "extensions killed": 0,
    "messages sent": 0,
    "commits made": 0,
    "commits sent again": 0,
    "messages and commits received": 0,
    "received, but killed before the answer": 0,
    "groups joined": 0,
    "groups deleted": 0,
    "key packages": 0,
  };

  private constructor(bob: Client) {
    this.#bob = bob;
  }

  /** Makes the two groups. */
  static async meet(alice: StoredClient): Promise<Peer> {
    // What several of Alice's processes send may come late.
    const { client } = await party("bob", { suite: SUITE, policy: { maxPastEpochs: 20 } });
    const peer = new Peer(client);
    const hers = await alice.createGroup({ groupId: hex(ALICES) });
    const { welcome } = await hers.add(await client.createKeyPackage());
    await hers.mergePendingCommit();
    peer.#groups.set(ALICES, await client.join(welcome as Uint8Array));
    const his = await client.createGroup({ groupId: hex(BOBS) });
    const added = await his.add(await alice.createKeyPackage());
    await his.mergePendingCommit();
    await alice.join(added.welcome as Uint8Array);
    peer.#groups.set(BOBS, his);
    return peer;
  }

  get ids(): { alices: string; bobs: string } {
    return { alices: ALICES, bobs: BOBS };
  }

  #group(id: string): Group {
    const group = this.#groups.get(id);
    if (group === undefined) throw new Error(`Bob has no group ${id}`);
    return group;
  }

  /** What Alice hasn't acknowledged, and some more. */
  async inbox(): Promise<readonly Item[]> {
    while (this.#inbox.length < WAITING) this.#inbox.push(await this.#item(++this.#items));
    return this.#inbox;
  }

  async #item(n: number): Promise<Item> {
    const group = this.#group(BOBS);
    const [unused] = this.#keyPackages;
    if (n % 10 === 4 && unused !== undefined) {
      this.#keyPackages.delete(unused[0]);
      const made = await this.#bob.createGroup();
      const { welcome } = await made.add(hex(unused[1]));
      await made.mergePendingCommit();
      this.#groups.set(toHex(made.groupId), made);
      return { n, kind: "welcome", bytes: toHex(welcome as Uint8Array) };
    }
    if (n % 10 === 9) {
      const { commit } = await group.update();
      await group.mergePendingCommit();
      return { n, kind: "commit", bytes: toHex(commit) };
    }
    this.#texts.set(n, `to Alice ${n}`);
    return { n, kind: "message", bytes: toHex(await group.encrypt(`to Alice ${n}`)) };
  }

  /**
   * Reads what Alice's processes have answered in one life.
   * @param killed how many of them were killed
   */
  async read(lines: readonly string[], killed: number): Promise<void> {
    this.counts.lives++;
    if (!lines.some((line) => line.startsWith("begin"))) this.counts["killed while opening"]++;
    const [again, forgotten]: [number[], number[]] = [[], []];
    const early: [string, string][] = [];
    for (const line of lines) {
      const [kind, ...words] = line.split(" ") as [string, ...string[]];
      if (kind === "begin") await this.#begin(JSON.parse(words.join(" ")) as Found);
      else if (kind === "message") {
        const [id, bytes] = words as [string, string];
        if (!(await this.#message(id, bytes))) early.push([id, bytes]);
      } else if (kind === "commit") await this.#commit(words[0] as string);
      else if (kind === "keyPackage") this.#keyPackage(words[0] as string, words[1] as string);
      else if (kind === "got") this.#got(Number(words[0]), words[1] as string);
      else if (kind === "joined") this.#join(Number(words[0]), words[1] as string);
      else if (kind === "deleted") await this.#delete(words[0] as string);
      else if (kind === "again") (words[1] === "forgotten" ? forgotten : again).push(Number(words[0]));
      else throw new Error(`expected what Alice says, got ${line}`);
    }
    // Each process has a pipe of its own: what the extension sent may be read before the app's commit that came first.
    for (const [id, bytes] of early)
      expect(await this.#message(id, bytes), "a message of an epoch without its commit").toBe(true);
    // An extension that begins late finds what the app has received epochs before.
    expect(forgotten.filter((n) => !this.#acknowledged.has(n))).toEqual([]);
    const untold = [...new Set(again)].filter((n) => !this.#acknowledged.has(n));
    expect(untold.length, "received without an answer").toBeLessThanOrEqual(this.#killed + killed);
    this.counts["received, but killed before the answer"] += untold.length;
    for (const n of untold) this.#acknowledged.add(n);
    this.#inbox = this.#inbox.filter(({ n }) => !this.#acknowledged.has(n));
    this.#killed = killed;
  }

  /** All that was answered before is there. */
  async #begin({ groups, keyPackages, epochs, staged }: Found): Promise<void> {
    // One that she was about to delete may be gone before she said so.
    const missing = [...this.#joined].filter((id) => !groups.includes(id));
    expect(
      missing.filter((id) => !this.#leaving.has(id)),
      "groups that are gone",
    ).toEqual([]);
    expect(missing.length).toBeLessThanOrEqual(this.#killed);
    for (const id of missing) await this.#delete(id);
    expect(groups).toEqual(expect.arrayContaining([ALICES, BOBS]));
    for (const id of this.#deleted) expect(groups).not.toContain(id);
    expect(keyPackages).toEqual(expect.arrayContaining([...this.#keyPackages.keys()]));
    // Her commit came into force for Bob when it was sent. It is in force for her too, or staged.
    const behind = this.#group(ALICES).epoch - BigInt(epochs.alices);
    expect(behind === 0n || (behind === 1n && staged.length === 1), `behind by ${behind}`).toBe(true);
    expect(this.#group(BOBS).epoch).toBeGreaterThanOrEqual(BigInt(epochs.bobs));
  }

  /** A generation that was used twice would be a duplicate. @returns whether its epoch has begun here */
  async #message(id: string, bytes: string): Promise<boolean> {
    const received = await this.#group(id)
      .receive(hex(bytes))
      .catch((error: MlsError) => {
        if (error.code !== "future-epoch") throw error;
      });
    if (received === undefined) return false;
    expect(received.kind === "application" && text(received.data)).toMatch(/^message /);
    this.#leaving.add(id);
    this.counts["messages sent"]++;
    return true;
  }

  async #commit(bytes: string): Promise<void> {
    const refused = await this.#group(ALICES)
      .receive(hex(bytes))
      .then(
        () => undefined,
        ({ code }: MlsError) => code,
      );
    if (refused === undefined) this.counts["commits made"]++;
    else {
      // One that was sent before the end, and again after it.
      expect(["past-epoch", "duplicate"]).toContain(refused);
      this.counts["commits sent again"]++;
    }
  }

  #keyPackage(reference: string, bytes: string): void {
    this.#keyPackages.set(reference, bytes);
    this.counts["key packages"]++;
  }

  #got(n: number, what: string): void {
    expect(this.#acknowledged.has(n), `${n} was received twice`).toBe(false);
    this.#acknowledged.add(n);
    const sent = this.#texts.get(n);
    expect(sent === undefined ? what : text(hex(what))).toBe(sent ?? "commit");
    this.counts["messages and commits received"]++;
  }

  #join(n: number, id: string): void {
    this.#acknowledged.add(n);
    this.#joined.add(id);
    this.counts["groups joined"]++;
  }

  async #delete(id: string): Promise<void> {
    this.#joined.delete(id);
    this.#leaving.delete(id);
    this.#deleted.add(id);
    this.counts["groups deleted"]++;
    await this.#group(id).close();
    this.#groups.delete(id);
  }

  /** Gives Alice the rest, and compares. */
  async end(alice: StoredClient): Promise<void> {
    const hers = (await alice.group(hex(ALICES))) as Group;
    for (const { commit } of hers.staged) {
      await this.#commit(toHex(commit));
      await hers.mergePendingCommit();
    }
    const his = (await alice.group(hex(BOBS))) as Group;
    let untold = 0;
    for (const { n, kind, bytes } of this.#inbox) {
      if (kind === "welcome") continue;
      try {
        const received = await his.receive(hex(bytes));
        this.#got(n, received.kind === "application" ? toHex(received.data) : received.kind);
      } catch (error) {
        expect(["duplicate", "past-epoch"]).toContain((error as MlsError).code);
        untold++;
      }
    }
    expect(untold).toBeLessThanOrEqual(this.#killed);
    for (const [group, id] of [[hers, ALICES] as const, [his, BOBS] as const]) {
      expect(group.epochAuthenticator).toEqual(this.#group(id).epochAuthenticator);
      expect(await this.#message(id, toHex(await group.encrypt("message at the end")))).toBe(true);
    }
  }
}
