// RFC 9420 §4.1, appendix C: where the nodes of a ratchet tree are. Leaf i is node 2i, and the parents lie between them.

export const isLeaf = (node: number): boolean => node % 2 === 0;

/** How far a node is above the leaves. */
export function levelOf(node: number): number {
  let level = 0;
  while ((node >> level) % 2 === 1) level++;
  return level;
}

/** The number of leaves of the full tree in which a list of so many nodes ends: a power of two. */
export function leavesOf(nodes: number): number {
  let leaves = 1;
  while (2 * leaves - 1 < nodes) leaves *= 2;
  return leaves;
}

export const rootOf = (leaves: number): number => leaves - 1;

export const leftOf = (parent: number): number => parent - 2 ** (levelOf(parent) - 1);

export const rightOf = (parent: number): number => parent + 2 ** (levelOf(parent) - 1);

export function parentOf(node: number): number {
  const step = 2 ** levelOf(node);
  return (node >> (levelOf(node) + 1)) % 2 === 0 ? node + step : node - step;
}

export function siblingOf(node: number): number {
  const parent = parentOf(node);
  return node < parent ? rightOf(parent) : leftOf(parent);
}

/** A leaf's direct path: the nodes above it, up to the root. */
export function pathAbove(node: number, leaves: number): number[] {
  const path: number[] = [];
  for (let at = node; at !== rootOf(leaves); ) {
    at = parentOf(at);
    path.push(at);
  }
  return path;
}

/** The leaf indexes below a node. */
export function leavesBelow(node: number): number[] {
  const reach = 2 ** levelOf(node) - 1;
  const first = (node - reach) / 2;
  return Array.from({ length: reach + 1 }, (_, i) => first + i);
}
