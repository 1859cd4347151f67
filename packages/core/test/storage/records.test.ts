// RFC 9420 §9.2: what is written for an operation is what it changed: the group is found as it is, and nothing of what
// was used is left.
import type { Group, StagedCommit } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { safeExporter, safeExportSecret } from "@copse/extensions";
import { toHex } from "@copse/test-support/bytes";
import { type Party, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { randomFrom } from "@copse/test-support/random";
import { expect, it } from "vitest";
import { found, ID, opened, SUITE, TestStorage, team } from "./stores.js";

/** Alice, with a storage, in a group with others, without one. */
class Course {
  readonly #random: (below: number) => number;
  readonly storage: TestStorage;
  readonly a: Group;
  /** By their leaf indices. */
  readonly others = new Map<number, Group>();
  /** Messages that Alice hasn't received yet. */
  readonly #late: Uint8Array[] = [];

  constructor(seed: number, { storage, a, b }: Awaited<ReturnType<typeof team>>) {
    this.#random = randomFrom(seed);
    this.storage = storage;
    this.a = a;
    this.others.set(b.ownLeafIndex, b);
  }

  #any(): Group {
    const all = [...this.others.values()];
    return all[this.#random(all.length)] as Group;
  }

  async #everyone(message: Uint8Array, except: Group): Promise<void> {
    for (const group of [this.a, ...this.others.values()]) if (group !== except) await group.receive(message);
    for (const [leafIndex, group] of this.others) if (!group.active) this.others.delete(leafIndex);
  }

  async #merge(staged: StagedCommit): Promise<void> {
    await this.#everyone(staged.commit, this.a);
    await staged.merge();
  }

  async step(): Promise<void> {
    const { a } = this;
    switch (this.#random(9)) {
      case 0:
        return this.#add();
      case 1: {
        const [first, ...rest] = this.others.values();
        if (rest.length === 0 || first === undefined) return;
        return this.#merge(await a.remove(first.ownLeafIndex, { replacePending: true }));
      }
      case 2: {
        const by = this.#any();
        const { commit } = await by.update();
        await this.#everyone(commit, by);
        await by.mergePendingCommit();
        return;
      }
      case 3: {
        const staged = await a.update({ replacePending: true });
        return this.#random(2) === 0 ? undefined : this.#merge(staged);
      }
      case 4: {
        const by = this.#any();
        const proposal = await by.propose({ update: true });
        await this.#everyone(proposal, by);
        if (this.#random(2) === 0) await a.dropProposals(() => true);
        return this.#merge(await a.commit({ forcePath: true, replacePending: true }));
      }
      case 5: {
        if (a.proposals.length === 0 || this.#random(2) === 0)
          await a.encrypt("hello").catch(() => undefined);
        return;
      }
      default:
        return this.#messages();
    }
  }

  async #add(): Promise<void> {
    if (this.others.size > 12) return;
    const keyPackages: Uint8Array[] = [];
    const parties: Party[] = [];
    for (let i = 0; i <= this.#random(4); i++) {
      parties.push(await party(`member ${this.#random(1e9)}`, { suite: SUITE }));
      keyPackages.push(await (parties.at(-1) as Party).client.createKeyPackage());
    }
    const staged = await this.a.commit({ add: keyPackages, replacePending: true });
    const { welcome } = staged;
    await this.#merge(staged);
    for (const { client } of parties) {
      const joined = await client.join(welcome as Uint8Array);
      this.others.set(joined.ownLeafIndex, joined);
    }
  }

  /** Some of them come later, others never. */
  async #messages(): Promise<void> {
    const by = this.#any();
    for (let i = 0; i <= this.#random(20); i++) this.#late.push(await by.encrypt(`${i}`));
    for (let i = 0; i <= this.#random(5); i++) {
      const [message] = this.#late.splice(this.#random(this.#late.length), 1);
      // One whose sender has left, or of an epoch that is too old, is refused.
      if (message !== undefined) await this.a.receive(message).catch(() => undefined);
    }
  }
}

it.each([1, 2])(
  "what is written is the group as it is, after each of many operations: course %i",
  async (seed) => {
    const course = new Course(seed, await team());
    for (let i = 0; i < 40; i++) {
      await course.step();
      expect(toHex(await (await found(course.storage, ID)).save())).toBe(toHex(await course.a.save()));
    }
  },
);

/** The beginning of the keys of a group's entries. */
async function prefixOf(storage: TestStorage, groupId: Uint8Array): Promise<string> {
  const listed = await storage.list("client/groups/");
  // After the status, and the size of the ID.
  const entry = listed.find(({ value }) => toHex(value.slice(2, 2 + groupId.length)) === toHex(groupId));
  return `group/${entry?.key.split("/").at(-1)}/`;
}

async function entriesOf(storage: TestStorage, groupId: Uint8Array): Promise<Map<string, Uint8Array>> {
  const prefix = await prefixOf(storage, groupId);
  return new Map((await storage.list(prefix)).map(({ key, value }) => [key.slice(prefix.length), value]));
}

it("an old entry among new ones is refused, as is another group's, or one in a place that isn't its own", async () => {
  const { storage, alice, a, b } = await team();
  await a.receive(await b.encrypt("the first"));
  const old = await entriesOf(storage, ID);
  const other = await alice.createGroup({ groupId: new Uint8Array([1]) });
  await other.encrypt("hello");
  const others = await entriesOf(storage, other.groupId);
  await a.receive(await b.encrypt("the next"));
  await a.encrypt("hello");
  await a.receive((await b.update()).commit);
  const now = await entriesOf(storage, ID);
  const ratchets = [...now.keys()].filter((name) => name.startsWith("secrets/1/ratchets"));
  expect(ratchets).toHaveLength(2);
  const cases: (readonly (readonly [name: string, value: Uint8Array | undefined])[])[] = [
    ...[...now.keys()].flatMap((name) => [old, others].map((from) => [[name, from.get(name)] as const])),
    ratchets.map((name, i) => [name, now.get(ratchets[1 - i] as string)]),
    [["changes/7", new Uint8Array([0, 0])]],
    [["unknown", new Uint8Array()]],
  ];
  const prefix = await prefixOf(storage, ID);
  let refusals = 0;
  for (const changes of cases) {
    const isSame = changes.every(([name, value]) => toHex(value ?? ID) === toHex(now.get(name) ?? ID));
    if (isSame || changes[0]?.[0] === "version") continue;
    const copy = memoryStorage();
    await copy.write(await storage.list(""), []);
    await copy.write(
      changes.map(([name, value]) => ({ key: `${prefix}${name}`, value })),
      [],
    );
    expect(await failure(found(copy, ID)), changes.join()).toEqual(code("state"));
    refusals++;
  }
  expect(refusals).toBeGreaterThan(10);
});

it("keys beyond the limits are deleted in the write that finds them, also when the limits become lower", async () => {
  const storage = new TestStorage();
  const limited = (maxSkipped: number) => ({
    policy: { ratchets: { maxForward: 1000, maxSkipped, maxSkippedTotal: maxSkipped } },
  });
  const alice = await opened(storage, "alice", limited(20));
  const bob = await party("bob", { suite: SUITE });
  const a = await alice.createGroup({ groupId: ID });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  const skipped = async () => {
    const entries = await entriesOf(storage, ID);
    const size = [...entries].reduce(
      (sum, [name, { length }]) => sum + (name.includes("skipped") ? length : 0),
      0,
    );
    // Each has a generation, a key and a nonce, and each 8 the size of all.
    return Math.floor(size / (4 + 17 + 13));
  };
  const messages = await b.encryptAll(Array.from({ length: 60 }, (_, i) => `${i}`));
  for (const i of [20, 40]) await a.receive(messages[i] as Uint8Array);
  expect(await skipped()).toBe(20);
  const lower = await (await opened(storage, "alice", limited(5))).group(ID);
  await lower?.receive(messages[41] as Uint8Array);
  expect(await skipped()).toBe(5);
  const again = await opened(storage, "alice", limited(5));
  expect(toHex((await (await again.group(ID))?.save()) ?? ID)).toBe(toHex((await lower?.save()) ?? ID));
  expect(await failure(lower?.receive(messages[30] as Uint8Array) as Promise<unknown>)).toEqual(
    code("forgotten"),
  );
});

it("what an extension keeps of an epoch is a part of its own, which is written when a secret of it was used", async () => {
  const storage = new TestStorage();
  const options = { extensions: [safeExporter()] };
  const alice = await opened(storage, "alice", options);
  const a = await alice.createGroup({ groupId: ID });
  await safeExportSecret(a, 7);
  const before = await entriesOf(storage, ID);
  const again = (await (await opened(storage, "alice", options)).group(ID)) as Group;
  expect(await failure(safeExportSecret(again, 7))).toEqual(code("forgotten"));
  await safeExportSecret(again, 8);
  const after = await entriesOf(storage, ID);
  const changed = [...after].filter(([name, value]) => toHex(value) !== toHex(before.get(name) ?? ID));
  expect(changed.map(([name]) => name)).toEqual(["ledger/0", "sum", "version"]);
  await again.update();
  await again.mergePendingCommit();
  await safeExportSecret(again, 8);
  expect(await failure((await opened(storage)).group(ID) as Promise<unknown>)).toEqual(code("state"));
  const last = (await (await opened(storage, "alice", options)).group(ID)) as Group;
  expect(await failure(safeExportSecret(last, 8))).toEqual(code("forgotten"));
  expect(await safeExportSecret(last, 7)).toHaveLength(32);
});
