// What is written: little for a message, and nothing that grows with time.
import { toHex } from "@copse/core";
import { type Party, party } from "@copse/test-support/clients";
import { expect, it } from "vitest";
import { opened, SUITE, TestStorage } from "./stores.js";

async function groupOf(members: number) {
  const storage = new TestStorage();
  const alice = await opened(storage);
  const a = await alice.createGroup();
  const others: Party[] = [];
  for (let i = 1; i < members; i++) others.push(await party(`member ${i}`, { suite: SUITE }));
  const { welcome, commit } = await a.add(
    await Promise.all(others.map(({ client }) => client.createKeyPackage())),
  );
  expect(commit.length).toBeGreaterThan(0);
  await a.mergePendingCommit();
  const b = await (others[0] as Party).client.join(welcome as Uint8Array);
  return { storage, alice, a, b };
}

it.each([
  [2, 1_100],
  [64, 3_000],
])("in a group of %i, a message takes at most %i bytes, however many came before", async (members, most) => {
  const { storage, a, b } = await groupOf(members);
  const entries = (await storage.all()).length;
  for (let i = 0; i < 20; i++) {
    const { bytes, writes } = storage;
    await b.receive(await a.encrypt("hello"));
    expect(storage.writes).toBe(writes + 1);
    expect(storage.bytes - bytes).toBeLessThanOrEqual(most);
  }
  const { bytes } = storage;
  await a.receive(await b.encrypt("hello"));
  expect(storage.bytes - bytes).toBeLessThanOrEqual(most);
  expect((await storage.all()).length, "the record of a message takes the place of the one before").toBe(
    entries,
  );
});

it.each([
  [64, 0],
  [2, 5],
])(
  "in a group of %i, 10 commits write changes of the tree, and %i times or more the whole",
  async (members, least) => {
    const { storage, a, b } = await groupOf(members);
    const entry = async (name: string) =>
      (await storage.all()).find(([key]) => key.startsWith("group/") && key.endsWith(`/${name}`))?.[1] ?? "";
    let before = await entry("tree");
    let wholes = 0;
    for (let i = 0; i < 10; i++) {
      await b.receive((await a.update()).commit);
      await a.mergePendingCommit();
      const now = await entry("tree");
      if (now !== before) wholes++;
      expect((await entry("tree-changes")).length).toBeLessThanOrEqual(now.length / 2);
      before = now;
    }
    expect(wholes).toBeGreaterThanOrEqual(least);
    expect(wholes).toBeLessThanOrEqual(2 * least);
  },
);

it("only the state has secrets, and each write puts it anew", async () => {
  const { storage, a, b } = await groupOf(8);
  const ofGroup = async () => new Map((await storage.all()).filter(([key]) => key.startsWith("group/")));
  const before = await ofGroup();
  await b.receive(await a.encrypt("hello"));
  const after = await ofGroup();
  const changed = [...after].flatMap(([key, value]) =>
    before.get(key) === value ? [] : [key.split("/").at(-1)],
  );
  expect(changed).toEqual(["state", "version"]);
  const tree = [...after].find(([key]) => key.endsWith("/tree"))?.[1] ?? "";
  expect(tree).toContain(toHex(a.ratchetTree));
  // A format, a suite, two lengths, and a digest.
  expect(tree.length / 2 - a.ratchetTree.length).toBeLessThan(3 + 1 + 4 + 32 + 1);
  await a.update();
  await a.mergePendingCommit();
  const names = [...(await ofGroup()).keys()].map((key) => key.split("/").at(-1) ?? "");
  expect(["state", "tree", "tree-changes", "version"]).toEqual(expect.arrayContaining(names));
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
