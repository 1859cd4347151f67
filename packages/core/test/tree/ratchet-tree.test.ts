// RFC 9420 §4, §7.7, §7.8, §12.1, §12.4.3.3: the ratchet tree against a naive model, and trees that are refused.

import { toHex } from "@copse/test-support/bytes";
import { nodeSuite } from "@copse/test-support/providers";
import { randomFrom } from "@copse/test-support/random";
import { describe, expect, it } from "vitest";
import type { CipherSuiteProvider } from "../../src/provider/interface.js";
import { rootIndex, sibling } from "../../src/tree/math.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { NodeType, type ParentNode, type RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";
import { bytesOf, CAPABILITIES, errorOf, fakeKey, fakeLeaf, fakeParent } from "./fake-nodes.js";
import { directPath } from "./paths.js";

type Entry = LeafNode | ParentNode | undefined;

/** A tree as an array of nodes, copied and scanned on every step. */
class ArrayTree {
  constructor(readonly nodes: Entry[]) {}

  get width() {
    return (this.nodes.length + 1) / 2;
  }

  leaves(): number[] {
    return [...Array(this.width).keys()].filter((leaf) => this.nodes[2 * leaf] !== undefined);
  }

  add(leafNode: LeafNode): number {
    let leaf = [...Array(this.width).keys()].find((l) => this.nodes[2 * l] === undefined);
    if (leaf === undefined) {
      leaf = this.width;
      this.nodes.push(...Array<Entry>(this.nodes.length + 1).fill(undefined));
    }
    for (const node of directPath(2 * leaf, this.width)) {
      const parent = this.nodes[node] as ParentNode | undefined;
      if (parent === undefined) continue;
      const unmergedLeaves = [...parent.unmergedLeaves, leaf].sort((a, b) => a - b);
      this.nodes[node] = { ...parent, unmergedLeaves };
    }
    this.nodes[2 * leaf] = leafNode;
    return leaf;
  }

  private blankPath(leaf: number) {
    for (const node of directPath(2 * leaf, this.width)) this.nodes[node] = undefined;
  }

  update(leaf: number, leafNode: LeafNode) {
    this.blankPath(leaf);
    this.nodes[2 * leaf] = leafNode;
  }

  remove(leaf: number) {
    this.blankPath(leaf);
    this.nodes[2 * leaf] = undefined;
    while (this.width > 1 && this.leaves().every((l) => l < this.width / 2))
      this.nodes.length = rootIndex(this.width);
  }

  resolution(node: number): number[] {
    const here = this.nodes[node];
    if (here !== undefined)
      return "unmergedLeaves" in here ? [node, ...here.unmergedLeaves.map((l) => 2 * l)] : [node];
    if (node % 2 === 0) return [];
    return [...Array(this.nodes.length).keys()]
      .filter((n) => n !== node && isChild(n, node, this.width))
      .flatMap((n) => this.resolution(n));
  }

  filteredDirectPath(leaf: number) {
    const path = [2 * leaf, ...directPath(2 * leaf, this.width)];
    return path
      .slice(1)
      .map((node, i) => ({ node, copath: sibling(path[i] as number, this.width) as number }))
      .filter((step) => this.resolution(step.copath).length > 0);
  }

  list(): RatchetTreeNodes {
    let end = this.nodes.length;
    while (end > 0 && this.nodes[end - 1] === undefined) end--;
    return this.nodes.slice(0, end).map((node) => {
      if (node === undefined) return undefined;
      if ("unmergedLeaves" in node) return { nodeType: NodeType.parent, parentNode: node };
      return { nodeType: NodeType.leaf, leafNode: node };
    });
  }
}

function isChild(node: number, parent: number, width: number): boolean {
  return directPath(node, width)[0] === parent;
}

const suite = nodeSuite(1);

/** Applies `steps` random changes to both kinds of tree and compares them. */
async function wander(seed: number, steps: number, check: (tree: RatchetTree) => Promise<void>) {
  const random = randomFrom(seed);
  let serial = 0;
  let tree = RatchetTree.of(fakeLeaf(serial));
  const model = new ArrayTree([fakeLeaf(serial++)]);
  for (let step = 0; step < steps; step++) {
    const members = model.leaves();
    const member = members[random(members.length)] as number;
    const kind = random(10);
    const leaf = fakeLeaf(serial++);
    if (kind < 4 || members.length === 1) {
      expect(tree.leftmostBlank()).toBe(tree.add(leaf).leafIndex);
      const added = tree.add(leaf);
      tree = added.tree;
      expect(added.leafIndex).toBe(model.add(leaf));
    } else if (kind < 6) {
      tree = tree.remove(member);
      model.remove(member);
    } else if (kind < 7) {
      tree = tree.update(member, leaf);
      model.update(member, leaf);
    } else {
      const path = tree.filteredDirectPath(member);
      expect(path).toEqual(model.filteredDirectPath(member));
      const parents = new Map(path.map(({ node }) => [node, fakeParent(serial++)]));
      tree = tree.withPath(member, leaf, parents);
      model.update(member, leaf);
      for (const [node, parent] of parents) model.nodes[node] = parent;
    }
    expect(tree.width).toBe(model.width);
    expect(tree.memberCount).toBe(model.leaves().length);
    expect(tree.toNodes()).toEqual(model.list());
    for (let node = 0; node < 2 * tree.width - 1; node++)
      expect(tree.resolution(node)).toEqual(model.resolution(node));
    await check(tree);
  }
}

describe("random changes", () => {
  for (let seed = 1; seed <= 8; seed++) {
    it(`do to the tree what they do to an array of nodes (seed ${seed})`, async () => {
      const past: { tree: RatchetTree; bytes: string; hash: string }[] = [];
      await wander(seed, 80, async (tree) => {
        const again = RatchetTree.fromNodes(tree.toNodes());
        const hash = toHex(await tree.treeHash(suite));
        expect(hash).toBe(toHex(await again.treeHash(suite)));
        expect(tree.summary).toEqual(again.summary);
        expect(tree.duplicateKey()).toBeUndefined();
        expect([...tree.members()]).toEqual([...again.members()]);
        for (const { leafIndex, leafNode } of tree.members()) {
          expect(tree.leaf(leafIndex)).toBe(leafNode);
          expect(tree.hasEncryptionKey(leafNode.encryptionKey)).toBe(true);
          expect(tree.hasSignatureKey(leafNode.signatureKey)).toBe(true);
        }
        past.push({ tree, bytes: toHex(bytesOf(tree)), hash });
      });
      // Earlier trees are unchanged, though later ones share most of their nodes.
      for (const { tree, bytes, hash } of past) {
        expect(toHex(bytesOf(tree))).toBe(bytes);
        expect(toHex(await tree.treeHash(suite))).toBe(hash);
      }
    });
  }

  it("§12.1.1: adding many at once is adding one after the other", () => {
    const random = randomFrom(99);
    for (let round = 0; round < 20; round++) {
      let tree = RatchetTree.of(fakeLeaf(0)).addAll([1, 2, 3, 4, 5, 6, 7, 8].map((n) => fakeLeaf(n))).tree;
      const parents = tree.filteredDirectPath(0).map(({ node }, i) => [node, fakeParent(i)] as const);
      tree = tree.withPath(0, fakeLeaf(20), new Map(parents));
      for (const leaf of [1, 2, 3, 5, 6]) if (random(2) === 0) tree = tree.remove(leaf);
      const leaves = Array.from({ length: random(20) }, (_, i) => fakeLeaf(100 + i));
      const all = tree.addAll(leaves);
      const indices = leaves.map((leaf) => {
        const added = tree.add(leaf);
        tree = added.tree;
        return added.leafIndex;
      });
      expect(all.leafIndices).toEqual(indices);
      expect(all.tree.toNodes()).toEqual(tree.toNodes());
      expect(all.tree.width).toBe(tree.width);
    }
  });
});

/** Counts what is hashed. */
function counting(inner: CipherSuiteProvider) {
  const counts = { inputs: 0, batches: 0 };
  const hashAll = async (data: readonly Uint8Array[]) => {
    counts.inputs += data.length;
    counts.batches++;
    return Promise.all(data.map((d) => inner.hash.hash(d)));
  };
  const hash = { ...inner.hash, algorithm: inner.hash.algorithm, hash: inner.hash.hash, hashAll };
  return { counts, provider: { ...inner, hash } as CipherSuiteProvider };
}

describe("sharing", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => fakeLeaf(i + 1));

  it("hashes a tree of 1,024 in batches by level, and after one change one path only", async () => {
    const { counts, provider } = counting(suite);
    const tree = RatchetTree.of(fakeLeaf(0)).addAll(many(1023)).tree;
    await tree.treeHash(provider);
    expect(counts).toEqual({ inputs: 2047, batches: 11 });
    await tree.treeHash(provider);
    expect(counts.inputs).toBe(2047);
    await tree.update(700, fakeLeaf(5000)).treeHash(provider);
    expect(counts.inputs).toBe(2047 + 11);
    await tree.remove(1023).treeHash(provider);
    expect(counts.inputs).toBe(2047 + 22);
  });

  it("joining 10,000 members finds repeated keys and common capabilities without comparing pairs of members", () => {
    const tree = RatchetTree.of(fakeLeaf(0)).addAll(many(9999)).tree;
    const again = RatchetTree.fromNodes(tree.toNodes());
    expect(again.duplicateKey()).toBeUndefined();
    expect(again.summary.members).toBe(10_000);
    // One summary serves all subtrees: the sets of a subtree are the very sets of the whole.
    const { tree: larger } = again.add(fakeLeaf(20_000));
    expect(larger.summary.supported).toBe(larger.update(3, fakeLeaf(30_000)).summary.supported);
  });
});

describe("keys", () => {
  const tree = RatchetTree.of(fakeLeaf(0)).addAll([fakeLeaf(1), fakeLeaf(2)]).tree;

  it("are known by kind, and forgotten with their nodes", () => {
    expect(tree.hasSignatureKey(fakeKey("s", 2))).toBe(true);
    expect(tree.hasSignatureKey(fakeKey("e", 2))).toBe(false);
    expect(tree.hasEncryptionKey(fakeKey("e", 2))).toBe(true);
    expect(tree.remove(2).hasEncryptionKey(fakeKey("e", 2))).toBe(false);
    expect(tree.update(2, fakeLeaf(9)).hasSignatureKey(fakeKey("s", 2))).toBe(false);
    expect(tree.hasEncryptionKey(fakeKey("e", 2))).toBe(true);
    const withPath = tree.withPath(0, fakeLeaf(10), new Map([[1, fakeParent(1)]]));
    expect(withPath.hasEncryptionKey(fakeKey("p", 1))).toBe(true);
    expect(withPath.remove(1).hasEncryptionKey(fakeKey("p", 1))).toBe(false);
  });

  it("§7.3: a repeated key is reported until one of the two is gone", () => {
    const twice = tree.add({ ...fakeLeaf(3), signatureKey: fakeKey("s", 1) }).tree;
    expect(twice.duplicateKey()).toBe("signature_key");
    expect(twice.remove(1).duplicateKey()).toBeUndefined();
    expect(twice.remove(1).hasSignatureKey(fakeKey("s", 1))).toBe(true);
    const parent = { ...fakeParent(0), encryptionKey: fakeKey("e", 1) };
    expect(tree.withPath(2, fakeLeaf(2), new Map([[3, parent]])).duplicateKey()).toBe("parent_key");
    expect(
      RatchetTree.fromNodes(
        tree.add({ ...fakeLeaf(4), encryptionKey: fakeKey("e", 1) }).tree.toNodes(),
      ).duplicateKey(),
    ).toBe("encryption_key");
  });

  it("§12.4.3.1: an identical leaf node is found", () => {
    expect(tree.findLeaf(fakeLeaf(2))).toBe(2);
    expect(tree.findLeaf(fakeLeaf(3))).toBeUndefined();
    expect(tree.findLeaf({ ...fakeLeaf(2), signature: fakeKey("x", 0) })).toBeUndefined();
  });
});

describe("summary", () => {
  it("holds what all members support, and what any of them uses", () => {
    const wide = { ...CAPABILITIES, extensions: [7, 8], cipherSuites: [1, 2, 3], credentials: [1, 2] };
    const other = { ...CAPABILITIES, extensions: [8, 9], credentials: [2, 1] };
    const tree = RatchetTree.of(fakeLeaf(0, wide)).addAll([fakeLeaf(1, wide), fakeLeaf(2, other, 5)]).tree;
    expect(tree.summary).toEqual({
      members: 3,
      credentialTypes: new Set([1, 5]),
      supported: {
        versions: new Set([1]),
        cipherSuites: new Set([1, 2]),
        extensions: new Set([8]),
        proposals: new Set(),
        credentials: new Set([1, 2]),
      },
    });
    expect(tree.remove(2).summary.supported.extensions).toEqual(new Set([7, 8]));
    expect(tree.remove(2).summary.credentialTypes).toEqual(new Set([1]));
  });

  it("of a tree without members is empty, and such a tree takes the next member", () => {
    const empty = RatchetTree.of(fakeLeaf(0)).remove(0);
    expect(empty.summary.members).toBe(0);
    expect(empty.summary.supported.versions.size).toBe(0);
    expect(empty.toNodes()).toEqual([]);
    expect(empty.leftmostBlank()).toBe(0);
    expect(empty.add(fakeLeaf(1)).tree.memberCount).toBe(1);
  });
});

describe("misuse", () => {
  const tree = RatchetTree.of(fakeLeaf(0)).addAll([fakeLeaf(1), fakeLeaf(2)]).tree;

  it("indices out of range are blank, and no member to update or to remove", async () => {
    for (const leaf of [3, 4, 1000, 2 ** 31, 2 ** 32 - 1, -1, 0.5, Number.NaN]) {
      expect(tree.leaf(leaf)).toBeUndefined();
      expect(await errorOf(() => tree.remove(leaf))).toMatchObject({ code: "usage" });
      expect(await errorOf(() => tree.update(leaf, fakeLeaf(9)))).toMatchObject({ code: "usage" });
    }
    expect(tree.parentNode(0)).toBeUndefined();
    expect(tree.leaf(0.5)).toBeUndefined();
    expect(await errorOf(() => tree.nodeHashes(suite, [7]))).toMatchObject({ code: "validation" });
    expect(await errorOf(() => tree.reserve(5))).toMatchObject({ code: "usage" });
    expect(tree.reserve(3)).toBe(tree);
    expect(tree.add(fakeLeaf(3)).tree.reserve(4).width).toBe(8);
  });
});

describe("§12.4.3.3, §12.4.3.1: a list of nodes that is no tree", () => {
  const leaf = (n: number) => ({ nodeType: NodeType.leaf, leafNode: fakeLeaf(n) }) as const;
  const parent = (n: number, unmerged: number[] = []) =>
    ({ nodeType: NodeType.parent, parentNode: fakeParent(n, unmerged) }) as const;
  const none = undefined;
  const cases: [string, RatchetTreeNodes, string][] = [
    ["no node", [], "last node"],
    ["a blank at the end", [leaf(0), none, leaf(1), none], "last node"],
    ["a parent in a leaf's place", [leaf(0), none, parent(0)], "even entries"],
    ["a leaf in a parent's place", [leaf(0), leaf(1), leaf(2)], "odd entries"],
    ["unmerged leaves out of order", [leaf(0), parent(0, [1, 0]), leaf(1)], "sorted"],
    ["an unmerged leaf twice", [leaf(0), parent(0, [1, 1]), leaf(1)], "sorted"],
    [
      "an unmerged leaf that is no descendant",
      [leaf(0), parent(0, [2]), leaf(1), none, leaf(2)],
      "must be a descendant",
    ],
    [
      "an unmerged leaf beyond the tree",
      [leaf(0), parent(0, [2 ** 32 - 1]), leaf(1)],
      "must be a descendant",
    ],
    ["a blank unmerged leaf", [leaf(0), none, none, parent(0, [1]), leaf(2)], "must be non-blank"],
    [
      "an unmerged leaf that a parent between doesn't list",
      [leaf(0), parent(0), leaf(1), parent(1, [1]), leaf(2)],
      "must list the leaf too",
    ],
    ["a parent above an empty half", [leaf(0), parent(0)], "filtered out"],
    [
      "a parent above nothing",
      [leaf(0), none, none, none, none, parent(0), none, none, leaf(4)],
      "filtered out",
    ],
  ];
  for (const [name, nodes, rule] of cases) {
    it(`has ${name}`, async () => {
      const error = await errorOf(() => RatchetTree.fromNodes(nodes));
      expect(error).toMatchObject({ code: "validation" });
      expect(error.message).toContain(rule);
    });
  }

  it("but unmerged leaves that every node between lists are accepted", () => {
    const nodes = [leaf(0), parent(0, [1]), leaf(1), parent(1, [1, 3]), leaf(2), none, leaf(3)];
    expect(RatchetTree.fromNodes(nodes).resolution(3)).toEqual([3, 2, 6]);
  });
});
