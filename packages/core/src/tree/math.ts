// RFC 9420 Appendix C: node indices in a complete binary tree whose nodes are numbered from left to right.
//
// The leaf with leaf index `i` is the node with node index `2 * i`. `width` is the number of leaves, a power of two.
// Node indices must be below 2^31; no tree in memory has that many nodes.

/** The node index of the root of a tree with `width` leaves. */
export function rootIndex(width: number): number {
  return width - 1;
}

/** The level of a node: 0 for a leaf, and one more than its children for a parent. */
export function level(nodeIndex: number): number {
  // The number of trailing ones of the index, which is the position of its lowest zero.
  return 31 - Math.clz32(~nodeIndex & (nodeIndex + 1));
}

/** The left child; `undefined` for a leaf. */
export function left(nodeIndex: number): number | undefined {
  const k = level(nodeIndex);
  return k === 0 ? undefined : nodeIndex ^ (1 << (k - 1));
}

/** The right child; `undefined` for a leaf. */
export function right(nodeIndex: number): number | undefined {
  const k = level(nodeIndex);
  return k === 0 ? undefined : nodeIndex ^ (3 << (k - 1));
}

/** The parent in a tree of this width; `undefined` for the root. */
export function parent(nodeIndex: number, width: number): number | undefined {
  if (nodeIndex === rootIndex(width)) return undefined;
  const bit = 1 << level(nodeIndex);
  return (nodeIndex | bit) & ~(bit << 1);
}

/** The other child of the node's parent; `undefined` for the root. */
export function sibling(nodeIndex: number, width: number): number | undefined {
  return nodeIndex === rootIndex(width) ? undefined : nodeIndex ^ (2 << level(nodeIndex));
}

/** The node index of the lowest common ancestor of two leaves, which are given by their leaf indices. */
export function commonAncestor(leafIndexA: number, leafIndexB: number): number {
  // The ancestor is above the highest bit in which the two indices differ.
  const below = 32 - Math.clz32(leafIndexA ^ leafIndexB);
  return ((((2 * leafIndexA) >>> (below + 1)) << (below + 1)) | ((1 << below) - 1)) >>> 0;
}

/** Whether a leaf, given by its leaf index, is in the subtree of a node, given by its node index. */
export function isLeafBelow(leafIndex: number, nodeIndex: number): boolean {
  const reach = (1 << level(nodeIndex)) - 1;
  const nodeOfLeaf = 2 * leafIndex;
  return nodeOfLeaf >= nodeIndex - reach && nodeOfLeaf <= nodeIndex + reach;
}
