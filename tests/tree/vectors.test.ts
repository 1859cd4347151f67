// RFC 9420 §7.7, §7.8, §12.1: the working group's vectors for tree operations and for the validation of trees.
import { describe, expect, it } from "vitest";
import { decode } from "../../packages/core/src/codec/index.js";
import { verifyAll } from "../../packages/core/src/crypto/batch.js";
import { Proposal, ProposalType } from "../../packages/core/src/framing/proposal.js";
import {
  leafNodeVerifyRequest,
  type RatchetTree,
  verifyParentHashes,
} from "../../packages/core/src/tree/index.js";
import { hex, readVectors, toHex } from "../support/vectors.js";
import { bytesOf, nodeSuite, treeOf } from "./support.js";

type Operation = { cipher_suite: number; proposal_sender: number } & Record<
  "proposal" | "tree_before" | "tree_hash_before" | "tree_after" | "tree_hash_after",
  string
>;

function applied(tree: RatchetTree, proposal: Proposal, sender: number): RatchetTree {
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

describe("tree-operations.json", () => {
  readVectors<Operation>("tree-operations").forEach((vector, i) => {
    it(`${i}`, async () => {
      const suite = nodeSuite(vector.cipher_suite);
      const before = treeOf(hex(vector.tree_before));
      expect(toHex(await before.treeHash(suite))).toBe(vector.tree_hash_before);
      const proposal = decode(Proposal, hex(vector.proposal));
      const after = applied(before, proposal, vector.proposal_sender);
      expect(toHex(bytesOf(after))).toBe(vector.tree_after);
      expect(toHex(await after.treeHash(suite))).toBe(vector.tree_hash_after);
      expect(toHex(bytesOf(before))).toBe(vector.tree_before);
    });
  });
});

type Validation = {
  cipher_suite: number;
  tree: string;
  group_id: string;
  resolutions: number[][];
  tree_hashes: string[];
};

describe("tree-validation.json", () => {
  readVectors<Validation>("tree-validation").forEach((vector, i) => {
    it(`suite ${vector.cipher_suite}, ${i}`, async () => {
      const suite = nodeSuite(vector.cipher_suite);
      const tree = treeOf(hex(vector.tree));
      expect(toHex(bytesOf(tree))).toBe(vector.tree);
      expect(2 * tree.width - 1).toBe(vector.resolutions.length);
      for (const [node, resolution] of vector.resolutions.entries()) {
        expect(tree.resolution(node)).toEqual(resolution);
        expect(toHex(await tree.nodeHash(suite, node))).toBe(vector.tree_hashes[node]);
      }
      expect(tree.duplicateKey()).toBeUndefined();
      await verifyParentHashes(suite, tree);
      const requests = [...tree.members()].map(({ leafIndex, leafNode }) =>
        leafNodeVerifyRequest(leafNode, hex(vector.group_id), leafIndex),
      );
      expect(await verifyAll(suite, requests)).toEqual(requests.map(() => true));
    });
  });
});
