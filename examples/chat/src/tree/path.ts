// RFC 9420 §4.1.1, §7.5: what the last commit has done to a tree.
import { equalBytes } from "@copse/core";
import { isLeaf, leftOf, pathAbove, rightOf, siblingOf } from "./math.js";
import type { Tree } from "./read.js";

/** What a commit has renewed. */
export interface LitPath {
  /** The nodes that have new keys, from the committer's leaf upwards. */
  readonly renewed: readonly number[];
  /** The nodes to whose keys the new secrets were encrypted. */
  readonly reached: readonly number[];
}

/** That of a commit without a path. */
export const NO_PATH: LitPath = { renewed: [], reached: [] };

/** §4.1.1: the nodes that together reach everybody below a node. */
export function resolutionOf(tree: Tree, node: number): number[] {
  const content = tree[node];
  if (content !== undefined) return [node, ...content.unmerged.map((leaf) => 2 * leaf)];
  if (isLeaf(node)) return [];
  return [...resolutionOf(tree, leftOf(node)), ...resolutionOf(tree, rightOf(node))];
}

/**
 * The path of a commit that has started the tree's epoch.
 * @param committer its leaf index
 * @param before the tree of the epoch that it ended, if that is known
 */
export function pathOf(tree: Tree, committer: number, before?: Tree): LitPath {
  const leaf = 2 * committer;
  const isNew = (node: number) => {
    const [now, then] = [tree[node], before?.[node]];
    return now !== undefined && !(then && equalBytes(now.encryptionKey, then.encryptionKey));
  };
  if (tree[leaf]?.committed !== true || !isNew(leaf)) return NO_PATH;
  const leaves = (tree.length + 1) / 2;
  const above = pathAbove(leaf, leaves).filter(isNew);
  // New members have no part in it: the Welcome tells them. They are new leaves that nobody committed.
  const joined = (node: number) =>
    before !== undefined && isLeaf(node) && isNew(node) && tree[node]?.committed !== true;
  const reached = [leaf, ...pathAbove(leaf, leaves)]
    .slice(0, -1)
    .flatMap((node) => resolutionOf(tree, siblingOf(node)))
    .filter((node) => !joined(node));
  return { renewed: [leaf, ...above], reached };
}
