// RFC 9420 §7.8, §12.4.3.3: trees that are mostly blank: a blank node takes one byte of a message.
import { nodeSuite } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";
import { encode } from "../../src/codec/codec.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { NodeType, type RatchetTreeNodes, TreeHashInput } from "../../src/wire/ratchet-tree.js";
import { counting } from "../schedule/providers.js";
import { fakeLeaf } from "../tree/fake-nodes.js";

const provider = nodeSuite(1);

type Nodes = (RatchetTreeNodes[number] | undefined)[];

/** A list of nodes with members at these leaves only. */
function sparse(...leaves: readonly number[]): Nodes {
  const nodes: Nodes = Array.from({ length: 2 * Math.max(...leaves) + 1 }, () => undefined);
  for (const leaf of leaves) nodes[2 * leaf] = { nodeType: NodeType.leaf, leafNode: fakeLeaf(leaf) };
  return nodes;
}

/** The tree hash, node by node. */
async function hashOf(nodes: Nodes, start: number, width: number): Promise<Uint8Array> {
  const node = nodes[2 * start + width - 1];
  if (width === 1) {
    const leafNode = node?.nodeType === NodeType.leaf ? node.leafNode : undefined;
    const input = { nodeType: NodeType.leaf, leafIndex: start, leafNode };
    return provider.hash.hash(encode(TreeHashInput, input));
  }
  const parentNode = node?.nodeType === NodeType.parent ? node.parentNode : undefined;
  const leftHash = await hashOf(nodes, start, width / 2);
  const rightHash = await hashOf(nodes, start + width / 2, width / 2);
  const input = { nodeType: NodeType.parent, parentNode, leftHash, rightHash };
  return provider.hash.hash(encode(TreeHashInput, input));
}

describe("a blank subtree takes as much memory as a full one", () => {
  it.each([
    ["a gap in the middle", [0, 299]],
    ["a gap before the last leaf", [511]],
    ["two gaps", [0, 130, 1023]],
    ["small gaps only", [0, 33, 63]],
  ])("but has the same hash: %s", async (_, leaves) => {
    const nodes = sparse(...leaves);
    const { width } = RatchetTree.fromNodes(nodes);
    expect(await RatchetTree.fromNodes(nodes).treeHash(provider)).toEqual(await hashOf(nodes, 0, width));
    // A member in the gap, whose path is made then.
    const { tree, leafIndex } = RatchetTree.fromNodes(nodes).add(fakeLeaf(7777));
    const added = sparse(...leaves);
    added[2 * leafIndex] = { nodeType: NodeType.leaf, leafNode: fakeLeaf(7777) };
    expect(await tree.treeHash(provider)).toEqual(await hashOf(added, 0, width));
    expect(tree.toNodes()).toEqual(added);
  });
  it("each node is hashed once, and only those of the path after a change", async () => {
    const { provider: counted, take } = counting(provider);
    const tree = RatchetTree.fromNodes(sparse(0, 1023));
    await tree.treeHash(counted);
    expect(take()).toEqual({ hash: 2047 });
    await tree.update(0, fakeLeaf(1)).treeHash(counted);
    expect(take()).toEqual({ hash: 11 });
    await tree.add(fakeLeaf(2)).tree.treeHash(counted);
    expect(take()).toEqual({ hash: 11 });
  });
  it("is hashed again and again, at 2 ms for each KB", async () => {
    const { provider: counted, take } = counting(provider);
    await RatchetTree.fromNodes(sparse(0, 1023)).treeHash(counted);
    take();
    const again = RatchetTree.fromNodes(sparse(0, 1023));
    expect(await again.treeHash(counted)).toEqual(await hashOf(sparse(0, 1023), 0, 1024));
    // The 64 leaves that the members are among, twice; and the parents above them.
    expect(take().hash).toBeLessThan(300);
    // The next members come where the nodes are blank.
    const nodes = sparse(0, 1023);
    nodes[2] = { nodeType: 1, leafNode: fakeLeaf(3) };
    const { tree } = again.add(fakeLeaf(3));
    expect(await tree.treeHash(counted)).toEqual(await hashOf(nodes, 0, 1024));
  });
  it("is made in a step, however large", () => {
    // A tree of 2^21 leaves, nearly all of them beyond the last member.
    const nodes = sparse(0, 2 ** 20);
    const tree = RatchetTree.fromNodes(nodes);
    expect(tree.width).toBe(2 ** 21);
    expect(tree.leaf(2 ** 21 - 1)).toBeUndefined();
    expect(tree.memberCount).toBe(2);
  });
});
