// What is written: little for a message, and nothing that grows with time.
import type { Group } from "@copse/core";
import { type Party, party } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "./stores.js";

async function groupOf(members: number, suite = SUITE) {
  const storage = new TestStorage();
  const alice = await opened(storage, "alice", { suite });
  const a = await alice.createGroup();
  const others: Party[] = [];
  for (let i = 1; i < members; i++) others.push(await party(`member ${i}`, { suite }));
  const { welcome, commit } = await a.add(
    await Promise.all(others.map(({ client }) => client.createKeyPackage())),
  );
  expect(commit.length).toBeGreaterThan(0);
  await a.mergePendingCommit();
  const groups: Group[] = [];
  for (const { client } of [others[0], others.at(-1)] as Party[])
    if (groups.length === 0 || members > 2) groups.push(await client.join(welcome as Uint8Array));
  const [b, last] = groups as [Group, Group];
  /** The bytes of the values that a call writes. */
  const written = async (call: () => Promise<unknown>) => {
    const { bytes, writes } = storage;
    await call();
    expect(storage.writes).toBe(writes + 1);
    return storage.bytes - bytes;
  };
  return { storage, alice, a, b, last, written };
}

/** The entries of the one group, by their names without the group's. */
async function entriesOf(storage: TestStorage): Promise<Map<string, string>> {
  const all = (await storage.all()).filter(([key]) => key.startsWith("group/"));
  return new Map(all.map(([key, value]) => [key.split("/").slice(2).join("/"), value]));
}

const changedIn = (before: Map<string, string>, after: Map<string, string>) =>
  [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .sort();

it.each([
  [2, 1],
  [48, 1],
  [2, 5],
])(
  "in a group of %i of suite %i, a message takes at most 300 bytes, however many came before",
  async (members, suite) => {
    const { storage, a, b, written } = await groupOf(members, suite);
    await b.receive(await a.encrypt("the first"));
    await a.receive(await b.encrypt("the first"));
    const entries = (await storage.all()).length;
    for (let i = 0; i < 20; i++) {
      expect(await written(async () => b.receive(await a.encrypt("hello")))).toBeLessThanOrEqual(300);
      const message = await b.encrypt("hello");
      expect(await written(() => a.receive(message))).toBeLessThanOrEqual(300);
    }
    expect((await storage.all()).length, "each takes the place of the one before").toBe(entries);
  },
);

it.each([
  [2, 1],
  [64, 6],
])(
  "in a group of %i, the first message of a leaf takes some more for each of %i levels",
  async (members, levels) => {
    const { a, b, last, written } = await groupOf(members);
    // A node secret and its number for each level, in the leaf's own entry and in the one that a secret was taken from.
    const most = 200 + 2 * levels * (4 + 33);
    expect(await written(() => a.encrypt("hello"))).toBeLessThanOrEqual(most);
    for (const by of new Set([b, last ?? b])) {
      const message = await by.encrypt("hello");
      expect(await written(() => a.receive(message))).toBeLessThanOrEqual(most);
    }
  },
);

it("each generation that is skipped takes 36 bytes at most, once, and a late one writes its neighbours' keys", async () => {
  const { storage, a, b, written } = await groupOf(2);
  const messages: Uint8Array[] = [];
  for (let i = 0; i < 400; i++) messages.push(await b.encrypt(`${i}`));
  const [first, ...rest] = messages as [Uint8Array, ...Uint8Array[]];
  const last = rest.pop() as Uint8Array;
  await a.receive(first);
  expect(await written(() => a.receive(last))).toBeLessThanOrEqual(300 + 398 * 36);
  const next = await b.encrypt("in order");
  expect(await written(() => a.receive(next))).toBeLessThanOrEqual(300);
  const before = await entriesOf(storage);
  expect(await written(() => a.receive(rest[200] as Uint8Array))).toBeLessThanOrEqual(300);
  const changed = changedIn(before, await entriesOf(storage));
  expect(changed).toEqual([expect.stringMatching(/^secrets\/.*\/skipped\//), "sum", "version"]);
  for (const [i, message] of rest.entries()) if (i !== 200) await a.receive(message);
  expect([...(await entriesOf(storage)).keys()].filter((key) => key.includes("skipped"))).toEqual([]);
});

it.each([
  [48, 1],
  [2, 5],
])(
  "in a group of %i, 10 commits write changes of the tree, and %i times or more the whole",
  async (members, least) => {
    const { storage, a, b } = await groupOf(members);
    let before = await entriesOf(storage);
    let wholes = 0;
    for (let i = 0; i < 10; i++) {
      await b.receive((await a.update()).commit);
      await a.mergePendingCommit();
      const now = await entriesOf(storage);
      const isWhole = now.get("tree") !== before.get("tree");
      if (isWhole) wholes++;
      const changes = [...now].filter(([key]) => key.startsWith("changes/"));
      const size = changes.reduce((sum, [, value]) => sum + value.length, 0);
      expect(size).toBeLessThanOrEqual((now.get("tree") as string).length / 2);
      const added = changedIn(before, now).filter((key) => key.startsWith("changes/"));
      if (isWhole) expect(changes).toEqual([]);
      else expect(added).toHaveLength(1);
      before = now;
    }
    expect(wholes).toBeGreaterThanOrEqual(least);
    expect(wholes).toBeLessThanOrEqual(2 * least);
  },
);

it("an operation writes what it changed, and nothing else", async () => {
  const { storage, a, b } = await groupOf(8);
  let before = await entriesOf(storage);
  const changed = async (call: () => Promise<unknown>) => {
    await call();
    const now = await entriesOf(storage);
    const names = changedIn(before, now).map((key) => key.replace(/(\/[0-9a-f-]+)+/g, ""));
    before = now;
    return [...new Set(names)];
  };
  const common = ["sum", "version"];
  const secrets = "secrets";
  expect(await changed(() => a.encrypt("the first"))).toEqual([
    `${secrets}/nodes`,
    `${secrets}/ratchets`,
    ...common,
  ]);
  expect(await changed(() => a.encrypt("the next"))).toEqual([`${secrets}/ratchets`, ...common]);
  expect(await changed(() => a.exportSecret("label", new Uint8Array(), 16))).toEqual([]);
  const proposal = await b.propose({ update: true });
  expect(await changed(() => a.receive(proposal))).toEqual(
    expect.arrayContaining(["proposal", `${secrets}/ratchets`, ...common]),
  );
  expect(await changed(() => a.dropProposals(() => true))).toEqual(["proposal", ...common]);
  expect(await changed(() => a.update())).toEqual(expect.arrayContaining(["candidate", ...common]));
  expect(await changed(() => a.mergePendingCommit())).toEqual([
    "candidate",
    "changes",
    "past",
    "proposal",
    `${secrets}/nodes`,
    "state",
    ...common,
  ]);
  expect(before.get("tree")).toBeDefined();
});

it("what is kept of a past epoch stays as it was written, however many follow", async () => {
  const { storage, a, b } = await groupOf(8);
  const pasts: Map<string, string>[] = [];
  for (let i = 0; i < 4; i++) {
    const by = i % 2 === 0 ? a : b;
    await (by === a ? b : a).receive((await by.update()).commit);
    await by.mergePendingCommit();
    pasts.push(new Map([...(await entriesOf(storage))].filter(([key]) => key.startsWith("past/"))));
  }
  // The policy keeps three.
  const [before, after] = pasts.slice(-2) as [Map<string, string>, Map<string, string>];
  const kept = [...after.keys()].filter((key) => before.has(key));
  expect(kept).toHaveLength(2);
  for (const key of kept) expect(after.get(key)).toBe(before.get(key));
});

it("key packages that were used or deleted leave nothing", async () => {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const before = (await storage.all()).length;
  const bob = await party("bob", { suite: SUITE });
  for (let i = 0; i < 5; i++) {
    const group = await bob.client.createGroup();
    const { welcome } = await group.add(await alice.createKeyPackage());
    const joined = await alice.join(welcome as Uint8Array);
    await alice.deleteGroup(joined.groupId);
    await alice.createKeyPackage();
    for (const { reference } of alice.keyPackages()) await alice.deleteKeyPackage(reference);
  }
  expect((await storage.all()).length).toBe(before);
});
