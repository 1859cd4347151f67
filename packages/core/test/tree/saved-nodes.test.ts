// RFC 9420 §4.1, §7.8: a tree that was saved and loaded is the tree that it was, and none of it is decoded before it is asked
// for.
import { toHex } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import { randomFrom } from "@copse/test-support/random";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Reader, written } from "../../src/codec/index.js";
import { MlsError } from "../../src/errors.js";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { LeafNode } from "../../src/wire/leaf-node.js";
import { CAPABILITIES, fakeKey, fakeLeaf, fakeParent } from "./fake-nodes.js";

const suite = nodeSuite(1);

/** What is saved of a tree: its hashes too. */
async function savedFrom(tree: RatchetTree): Promise<Uint8Array> {
  await tree.treeHash(suite);
  return written((writer) => tree.save(writer));
}

const loaded = async (tree: RatchetTree) => RatchetTree.load(await savedFrom(tree));

/** A provider that counts what it hashes. */
function counting() {
  const counts = { hashes: 0 };
  const hashAll = async (data: readonly Uint8Array[]) => {
    counts.hashes += data.length;
    return Promise.all(data.map((one) => suite.hash.hash(one)));
  };
  const hash = { ...suite.hash, algorithm: suite.hash.algorithm, hash: suite.hash.hash, hashAll };
  return { counts, provider: { ...suite, hash } as CipherSuiteProvider };
}

/** All that a tree says. */
async function everythingOf(tree: RatchetTree) {
  const nodes = Array.from({ length: 2 * tree.width - 1 }, (_, node) => node);
  return {
    width: tree.width,
    nodes: tree.toNodes(),
    hash: toHex(await tree.treeHash(suite)),
    hashes: (await tree.nodeHashes(suite, nodes)).map(toHex),
    members: [...tree.members()],
    memberCount: tree.memberCount,
    summary: tree.summary,
    leftmost: tree.leftmostBlank(),
    duplicate: tree.duplicateKey(),
    parents: nodes.map((node) => [tree.parentNode(node), tree.encryptionKey(node), tree.resolution(node)]),
    paths: Array.from({ length: tree.width }, (_, leaf) => tree.filteredDirectPath(leaf)),
  };
}

/** A step that changes a tree. */
type Change = (tree: RatchetTree) => RatchetTree;

/** A random change of a tree, which can be made to an equal one too. */
function randomChange(tree: RatchetTree, serial: number, random: (below: number) => number): Change {
  const members = Array.from(tree.members(), ({ leafIndex }) => leafIndex);
  const member = members[random(members.length)] as number;
  const capabilities = random(3) === 0 ? { ...CAPABILITIES, extensions: [serial % 7] } : CAPABILITIES;
  const leaf = fakeLeaf(serial, capabilities, 1 + 2 * (serial % 2));
  const kind = random(10);
  if (kind < 4 || members.length < 2) return (one) => one.add(leaf).tree;
  if (kind < 6) return (one) => one.remove(member);
  if (kind < 7) return (one) => one.update(member, leaf);
  const path = tree.filteredDirectPath(member);
  const parents = new Map(path.map(({ node }, i) => [node, fakeParent(1000 * serial + i)]));
  return (one) => one.withPath(member, leaf, parents);
}

/** The tree after so many random changes. */
function grown(seed: number, steps: number): RatchetTree {
  const random = randomFrom(seed);
  let tree = RatchetTree.of(fakeLeaf(0));
  for (let serial = 1; serial <= steps; serial++) tree = randomChange(tree, serial, random)(tree);
  return tree;
}

afterEach(() => vi.restoreAllMocks());

describe("a tree that was saved and loaded", () => {
  it.each([1, 2, 3, 4])(
    "is equal, and stays equal through random changes and further saves (seed %i)",
    async (seed) => {
      const random = randomFrom(seed);
      let original = grown(seed, 1 + random(60));
      let restored = await loaded(original);
      for (let round = 0; round < 40; round++) {
        const change = randomChange(original, 1000 + round, random);
        const before = restored;
        [original, restored] = [change(original), change(restored)];
        // Whether it was looked at before it was changed or saved must make no difference.
        if (random(3) === 0) expect(await everythingOf(restored)).toEqual(await everythingOf(original));
        const bytes = await savedFrom(restored);
        expect(toHex(bytes)).toBe(toHex(await savedFrom(original)));
        expect(restored.changesTo(before).leaves.length).toBeGreaterThan(0);
        if (random(4) === 0) restored = RatchetTree.load(bytes);
      }
      expect(await everythingOf(restored)).toEqual(await everythingOf(original));
      for (const { leafIndex, leafNode } of original.members()) {
        expect(restored.hasEncryptionKey(leafNode.encryptionKey)).toBe(true);
        expect(restored.hasSignatureKey(leafNode.signatureKey)).toBe(true);
        expect(restored.findLeaf(leafNode)).toBe(leafIndex);
      }
      expect(restored.hasSignatureKey(fakeKey("s", 77_777))).toBe(false);
    },
  );

  it("is changed by saved changes as the original is, however many steps they are of", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomFrom(seed);
      const before = grown(seed, 1 + random(40));
      let after = before;
      for (let i = random(12); i >= 0; i--) after = randomChange(after, 2000 + i, random)(after);
      const restored = (await loaded(before)).withChanges(before.changesTo(after));
      expect(await everythingOf(restored), `seed ${seed}`).toEqual(await everythingOf(after));
    }
  });

  it("has no parents of before where a member was added and removed since", async () => {
    const four = RatchetTree.of(fakeLeaf(0))
      .addAll([1, 2, 3].map((n) => fakeLeaf(n)))
      .tree.remove(3);
    const parents = new Map(four.filteredDirectPath(0).map(({ node }, i) => [node, fakeParent(i)]));
    const before = four.withPath(0, fakeLeaf(9), parents);
    const after = before.add(fakeLeaf(10)).tree.remove(3);
    const restored = (await loaded(before)).withChanges(before.changesTo(after));
    expect(await everythingOf(restored)).toEqual(await everythingOf(after));
  });

  it("has its members, keys and hashes found without decoding a leaf", async () => {
    const tree = RatchetTree.of(fakeLeaf(0)).addAll(
      Array.from({ length: 999 }, (_, i) => fakeLeaf(i + 1)),
    ).tree;
    const path = tree.filteredDirectPath(3).map(({ node }, i) => [node, fakeParent(i)] as const);
    const restored = await loaded(tree.withPath(3, fakeLeaf(5000), new Map(path)));
    const decoded = vi.spyOn(LeafNode, "read");
    const { counts, provider } = counting();
    expect(restored.memberCount).toBe(1000);
    expect(restored.leftmostBlank()).toBe(1000);
    expect(restored.summary.members).toBe(1000);
    expect(restored.hasSignatureKey(fakeKey("s", 800))).toBe(true);
    expect(restored.duplicateKey()).toBeUndefined();
    expect(restored.encryptionKey(1600)).toEqual(fakeKey("e", 800));
    await restored.treeHash(provider);
    expect(counts.hashes).toBe(0);
    expect(decoded).not.toHaveBeenCalled();
    expect(restored.leaf(500)).toEqual(fakeLeaf(500));
    expect(decoded).toHaveBeenCalledTimes(1);
    // The path, and the leaves and parents beside it below a subtree of eight leaves.
    const removed = restored.remove(500);
    await removed.treeHash(provider);
    expect(counts.hashes).toBeLessThanOrEqual(11 + 4 + 3 * 2 + 1);
    expect(decoded.mock.calls.length).toBeLessThanOrEqual(8);
    // What wasn't touched is saved as it came.
    await savedFrom(removed);
    expect(decoded.mock.calls.length).toBeLessThanOrEqual(8);
  });
});

describe("a saved tree that somebody wrote", () => {
  it("is refused with `state` when that shows, and gives no other error", async () => {
    const bytes = await savedFrom(grown(7, 30));
    const random = randomFrom(8);
    let refused = 0;
    for (let i = 1; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i] = random(256);
      try {
        const tree = RatchetTree.load(damaged);
        await everythingOf(tree);
        for (const { leafIndex } of tree.members()) await tree.remove(leafIndex).treeHash(suite);
        await savedFrom(tree.add(fakeLeaf(9999)).tree);
      } catch (error) {
        expect(error).toBeInstanceOf(MlsError);
        expect(error).toMatchObject({ code: "state" });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
    for (let height = 0; height < 31; height++) {
      if (height === bytes[0]) continue;
      const damaged = bytes.slice();
      damaged[0] = height;
      const use = () => [...RatchetTree.load(damaged).members()];
      expect(use).toThrow(expect.objectContaining({ code: "state" }));
    }
    for (const height of [31, 32, 62, 255]) {
      bytes[0] = height;
      expect(() => RatchetTree.load(bytes)).toThrow(expect.objectContaining({ code: "state" }));
    }
    for (const none of [new Uint8Array(), Uint8Array.of(0), Uint8Array.of(3), Uint8Array.of(31, 1)])
      expect(() => RatchetTree.load(none)).toThrow(expect.objectContaining({ code: "state" }));
  });

  it.each([
    ["a leaf elsewhere", [3]],
    ["an order of their own", [1, 0]],
    ["a leaf twice", [1, 1]],
  ])("can't have %s among the unmerged leaves of a parent", async (_, unmerged) => {
    const tree = RatchetTree.of(fakeLeaf(0)).addAll([fakeLeaf(1), fakeLeaf(2), fakeLeaf(3)]).tree;
    const parents = new Map([
      [1, fakeParent(1, unmerged)],
      [3, fakeParent(2)],
    ]);
    const restored = await loaded(tree.withPath(0, fakeLeaf(4), parents));
    expect(() => restored.resolution(1)).toThrow(expect.objectContaining({ code: "state" }));
  });

  it("can't say that it has more members than it has", async () => {
    const bytes = await savedFrom(RatchetTree.of(fakeLeaf(0)).add(fakeLeaf(1)).tree);
    expect(new Reader(bytes, undefined, 1).uint8()).toBe(2);
    bytes[1] = 3;
    const tree = RatchetTree.load(bytes);
    expect(() => [...tree.members()]).toThrow(expect.objectContaining({ code: "state" }));
  });
});
