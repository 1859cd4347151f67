// RFC 9420 §7.7 to §7.9, §12.1, Appendix C: the working group's vectors for tree math, for tree operations and
// for the validation of trees.

import { hex, toHex } from "@copse/test-support/bytes";
import { forEachVector, forEachVectorOnce } from "@copse/test-support/vectors";
import { expect } from "vitest";
import { decode } from "../../src/codec/codec.js";
import { verifyAll } from "../../src/crypto/batch.js";
import { leafNodeVerifyRequest } from "../../src/tree/leaf-node.js";
import { left, parent, right, rootIndex, sibling } from "../../src/tree/math.js";
import { verifyParentHashes } from "../../src/tree/parent-hash.js";
import type { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { isCustomProposal, Proposal, ProposalType } from "../../src/wire/proposal.js";
import { bytesOf, treeOf } from "../tree/fake-nodes.js";

type Relation = "left" | "right" | "parent" | "sibling";
type Shape = { n_leaves: number; n_nodes: number; root: number } & Record<Relation, (number | null)[]>;

forEachVectorOnce<Shape>("tree-math", (vector) => {
  const width = vector.n_leaves;
  expect(2 * width - 1).toBe(vector.n_nodes);
  expect(rootIndex(width)).toBe(vector.root);
  const all = (relation: (node: number) => number | undefined) =>
    Array.from({ length: vector.n_nodes }, (_, node) => relation(node) ?? null);
  expect(all(left)).toEqual(vector.left);
  expect(all(right)).toEqual(vector.right);
  expect(all((node) => parent(node, width))).toEqual(vector.parent);
  expect(all((node) => sibling(node, width))).toEqual(vector.sibling);
});

type Operation = { cipher_suite: number; proposal_sender: number } & Record<
  "proposal" | "tree_before" | "tree_hash_before" | "tree_after" | "tree_hash_after",
  string
>;

function applied(tree: RatchetTree, proposal: Proposal, sender: number): RatchetTree {
  if (isCustomProposal(proposal)) throw new Error("the vectors hold no custom proposals");
  switch (proposal.proposalType) {
    case ProposalType.add:
      return tree.add(proposal.keyPackage.leafNode).tree;
    case ProposalType.update:
      return tree.update(sender, proposal.leafNode);
    case ProposalType.remove:
      return tree.remove(proposal.removed);
    default:
      throw new Error("the vectors hold no other proposals");
  }
}

forEachVector<Operation>(
  "tree-operations",
  async (vector, { suite }) => {
    const before = treeOf(hex(vector.tree_before));
    expect(toHex(await before.treeHash(suite))).toBe(vector.tree_hash_before);
    const proposal = decode(Proposal, hex(vector.proposal));
    const after = applied(before, proposal, vector.proposal_sender);
    expect(toHex(bytesOf(after))).toBe(vector.tree_after);
    expect(toHex(await after.treeHash(suite))).toBe(vector.tree_hash_after);
    expect(toHex(bytesOf(before))).toBe(vector.tree_before);
  },
  { suites: [1] },
);

type Validation = {
  cipher_suite: number;
  tree: string;
  group_id: string;
  resolutions: number[][];
  tree_hashes: string[];
};

forEachVector<Validation>("tree-validation", async (vector, { suite }) => {
  const tree = treeOf(hex(vector.tree));
  expect(toHex(bytesOf(tree))).toBe(vector.tree);
  expect(2 * tree.width - 1).toBe(vector.resolutions.length);
  for (const [node, resolution] of vector.resolutions.entries()) {
    expect(tree.resolution(node)).toEqual(resolution);
    const [hash] = await tree.nodeHashes(suite, [node]);
    expect(toHex(hash as Uint8Array)).toBe(vector.tree_hashes[node]);
  }
  expect(tree.duplicateKey()).toBeUndefined();
  await verifyParentHashes(suite, tree);
  const requests = [...tree.members()].map(({ leafIndex, leafNode }) =>
    leafNodeVerifyRequest(leafNode, hex(vector.group_id), leafIndex),
  );
  expect(await verifyAll(suite, requests)).toEqual(requests.map(() => true));
});
