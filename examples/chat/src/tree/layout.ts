// Where the nodes of a ratchet tree are drawn.
import { isLeaf, leavesBelow, levelOf, parentOf, pathAbove, rootOf } from "./math.js";
import { type LitPath, NO_PATH } from "./path.js";
import type { Tree } from "./read.js";

/** A member as the tree shows them. */
export interface Named {
  readonly leafIndex: number;
  readonly name: string;
}

export type NodeState = "blank" | "kept" | "renewed" | "reached";

export interface DrawnNode {
  readonly index: number;
  readonly isLeaf: boolean;
  readonly state: NodeState;
  /** A leaf's member. */
  readonly name: string | undefined;
  /** The first bytes of its public key. */
  readonly key: string | undefined;
  /** Who knows its private key. */
  readonly knownTo: readonly string[];
  readonly x: number;
  readonly y: number;
}

export interface DrawnEdge {
  readonly from: number;
  readonly to: number;
  /** Whether the last commit went along it. */
  readonly lit: boolean;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  readonly edges: readonly DrawnEdge[];
}

const [ACROSS, DOWN, MARGIN, BELOW] = [56, 60, 34, 60];

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes.subarray(-4), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Leaves stand side by side, and each parent above the middle of what is below it.
 * @param path what the last commit has renewed, if that is known
 */
export function layOut(tree: Tree, members: readonly Named[], path: LitPath = NO_PATH): Drawing {
  const leaves = (tree.length + 1) / 2;
  const top = levelOf(rootOf(leaves));
  const { renewed, reached } = path;
  const names = new Map(members.map(({ leafIndex, name }) => [leafIndex, name]));
  const stateOf = (index: number): NodeState => {
    if (tree[index] === undefined) return "blank";
    if (renewed.includes(index)) return "renewed";
    return reached.includes(index) ? "reached" : "kept";
  };
  const nodes = tree.map((node, index): DrawnNode => {
    const unmerged = new Set(node?.unmerged);
    const below = node ? leavesBelow(index).filter((leaf) => !unmerged.has(leaf)) : [];
    return {
      index,
      isLeaf: isLeaf(index),
      state: stateOf(index),
      name: isLeaf(index) ? names.get(index / 2) : undefined,
      key: node && hexOf(node.encryptionKey),
      knownTo: below.flatMap((leaf) => names.get(leaf) ?? []),
      x: MARGIN + (index * ACROSS) / 2,
      y: MARGIN / 2 + (top - levelOf(index)) * DOWN + 6,
    };
  });
  // The path goes on over blank nodes, and ends at the topmost one that was renewed.
  const reach = Math.max(-1, ...renewed.map(levelOf));
  const walked = new Set(renewed.slice(0, 1).flatMap((leaf) => [leaf, ...pathAbove(leaf, leaves)]));
  const edges = tree.flatMap((_, index): DrawnEdge[] => {
    if (index === rootOf(leaves)) return [];
    return [{ from: index, to: parentOf(index), lit: walked.has(index) && levelOf(index) < reach }];
  });
  return { width: 2 * MARGIN + (leaves - 1) * ACROSS, height: top * DOWN + BELOW + MARGIN / 2, nodes, edges };
}
