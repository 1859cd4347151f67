// RFC 9420 §7.9: tree hashes of subtrees as they were before the leaves that are unmerged now were added.
import type { Writer } from "../codec/index.js";
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import { NodeType, TreeHashInput } from "../wire/index.js";
import { isLeafBelow, level } from "./math.js";
import { type Hashed, hashLevels } from "./tree-hash.js";
import type { TreeNode } from "./tree-node.js";

/** A subtree without some of its leaves, whose hash is to be computed. */
interface Job extends Hashed {
  readonly treeNode: TreeNode;
  /** The leaves that are left out: some below `treeNode`, by leaf index, sorted. */
  readonly without: readonly number[];
  readonly left: Hashed | undefined;
  readonly right: Hashed | undefined;
}

/**
 * Collects the original tree hashes that a verification needs, then computes them together. A subtree that
 * several parents ask for with the same leaves left out is hashed once (§7.9); one without any left out has
 * its tree hash.
 */
export class OriginalHashes {
  private readonly jobs = new Map<TreeNode, Map<string, Job>>();
  private readonly levels: Job[][] = [];

  /** What will remember the hash of the subtree at `treeNode` without those leaves of `leaves` that are below it. */
  of(treeNode: TreeNode, leaves: readonly number[]): Hashed {
    const without = leaves.filter((leafIndex) => isLeafBelow(leafIndex, treeNode.nodeIndex));
    if (without.length === 0) return treeNode;
    let byLeaves = this.jobs.get(treeNode);
    if (byLeaves === undefined) {
      byLeaves = new Map();
      this.jobs.set(treeNode, byLeaves);
    }
    const name = without.join();
    let job = byLeaves.get(name);
    if (job === undefined) {
      const isParent = treeNode.kind === "parent";
      job = {
        treeNode,
        without,
        left: isParent ? this.of(treeNode.left, without) : undefined,
        right: isParent ? this.of(treeNode.right, without) : undefined,
        hash: undefined,
      };
      byLeaves.set(name, job);
      const height = level(treeNode.nodeIndex);
      while (this.levels.length <= height) this.levels.push([]);
      (this.levels[height] as Job[]).push(job);
    }
    return job;
  }

  /** Computes all that was asked for. The tree hashes of the tree itself are there already. */
  compute(provider: CipherSuiteProvider): Awaitable<void> {
    return hashLevels(provider, this.levels, writeInput);
  }
}

function writeInput(writer: Writer, { treeNode, without, left, right }: Job): void {
  if (treeNode.kind === "leaf") {
    TreeHashInput.write(writer, {
      nodeType: NodeType.leaf,
      leafIndex: treeNode.nodeIndex / 2,
      leafNode: undefined,
    });
    return;
  }
  const blanked = new Set(without);
  const parentNode = treeNode.node && {
    ...treeNode.node,
    unmergedLeaves: treeNode.node.unmergedLeaves.filter((leafIndex) => !blanked.has(leafIndex)),
  };
  TreeHashInput.write(writer, {
    nodeType: NodeType.parent,
    parentNode,
    leftHash: left?.hash as Uint8Array,
    rightHash: right?.hash as Uint8Array,
  });
}
