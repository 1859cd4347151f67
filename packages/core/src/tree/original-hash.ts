// RFC 9420 §7.9: original tree hashes, of subtrees as they were before their unmerged leaves were added.
import type { Writer } from "../codec/index.js";
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import { isLeafBelow, level } from "./math.js";
import { type Hashed, hashLevels, writeLeaf, writeParent } from "./tree-hash.js";
import type { TreeNode } from "./tree-node.js";

/** The hash of a subtree without some of its leaves. */
interface Job extends Hashed {
  readonly node: TreeNode;
  /** The leaf indices of the leaves to leave out, sorted. All are in the subtree. */
  readonly without: readonly number[];
  readonly left: Hashed | undefined;
  readonly right: Hashed | undefined;
}

/**
 * Collects the original tree hashes that a verification needs, and computes them together. Each subtree is hashed only
 * once for the same leaves left out. Without leaves to leave out, its original tree hash is its tree hash.
 */
export class OriginalHashes {
  private readonly jobs = new Map<TreeNode, Map<string, Job>>();
  private readonly levels: Job[][] = [];

  /** The object that has the hash of a subtree without those of `leaves` that are in it, after {@link compute}. */
  of(node: TreeNode, leaves: readonly number[]): Hashed {
    const without = leaves.filter((leafIndex) => isLeafBelow(leafIndex, node.nodeIndex));
    if (without.length === 0) return node;
    let byLeaves = this.jobs.get(node);
    if (byLeaves === undefined) {
      byLeaves = new Map();
      this.jobs.set(node, byLeaves);
    }
    const name = without.join();
    let job = byLeaves.get(name);
    if (job === undefined) {
      const isParent = node.kind === "parent";
      job = {
        node,
        without,
        left: isParent ? this.of(node.left, without) : undefined,
        right: isParent ? this.of(node.right, without) : undefined,
        hash: undefined,
      };
      byLeaves.set(name, job);
      const height = level(node.nodeIndex);
      while (this.levels.length <= height) this.levels.push([]);
      (this.levels[height] as Job[]).push(job);
    }
    return job;
  }

  /** Computes all collected hashes. The tree hashes of the tree must be computed before. */
  compute(provider: CipherSuiteProvider): Awaitable<void> {
    return hashLevels(provider, this.levels, writeInput);
  }
}

function writeInput(writer: Writer, { node, without, left, right }: Job): void {
  if (node.kind === "leaf") {
    writeLeaf(writer, node, undefined);
    return;
  }
  const blanked = new Set(without);
  const parentNode = node.content && {
    ...node.content,
    unmergedLeaves: node.content.unmergedLeaves.filter((leafIndex) => !blanked.has(leafIndex)),
  };
  // A parent has both.
  writeParent(writer, parentNode, left as Hashed, right as Hashed);
}
