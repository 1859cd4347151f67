// RFC 9420 §12.4.3.3, §12.4.3.1: a ratchet tree as the list of its nodes.
import { ensure } from "../errors.js";
import { type LeafNode, NodeType, type ParentNode, type RatchetTreeNodes } from "../wire/index.js";
import { isLeafBelow } from "./math.js";
import { treeLeaf, type TreeNode, type TreeParent, treeParent } from "./tree-node.js";

/** Whether a strictly increasing list has a value. */
function includes(sorted: readonly number[], value: number): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === value;
}

/** The checks of one parent node that need nothing above it. The parents below were checked before. */
function checkParent(treeNode: TreeParent): void {
  const { node, nodeIndex } = treeNode;
  if (node === undefined) return;
  ensure(
    treeNode.left.memberCount > 0 && treeNode.right.memberCount > 0,
    "4.1.2: a parent node without members below both of its children is filtered out of every path, and blank",
    () => `node ${nodeIndex}`,
  );
  let previous = -1;
  for (const leafIndex of node.unmergedLeaves) {
    const detail = () => `leaf ${leafIndex} in the unmerged leaves of node ${nodeIndex}`;
    ensure(leafIndex > previous, "7.1: unmerged_leaves must be sorted in increasing order", detail);
    previous = leafIndex;
    ensure(
      leafIndex < 2 ** 30 && isLeafBelow(leafIndex, nodeIndex),
      "12.4.3.1: each unmerged leaf must be a descendant of its parent node",
      detail,
    );
    // Down to the nearest non-blank parent: those below it are that one's own business.
    let at: TreeNode = 2 * leafIndex < nodeIndex ? treeNode.left : treeNode.right;
    while (at.kind === "parent" && at.node === undefined)
      at = 2 * leafIndex < at.nodeIndex ? at.left : at.right;
    if (at.kind === "parent") {
      ensure(
        includes((at.node as ParentNode).unmergedLeaves, leafIndex),
        "12.4.3.1: every non-blank node between an unmerged leaf and the parent node must list the leaf too",
        detail,
      );
    } else {
      ensure(at.node !== undefined, "12.4.3.1: each unmerged leaf must be non-blank", detail);
    }
  }
}

/** The root of the tree that `nodes` list. @throws ValidationError */
export function treeFromNodes(nodes: RatchetTreeNodes): TreeNode {
  ensure(nodes.at(-1) !== undefined, "12.4.3.3: the last node in ratchet_tree must be non-blank");
  let width = 1;
  while (2 * width - 1 < nodes.length) width *= 2;
  const build = (start: number, size: number): TreeNode => {
    const nodeIndex = 2 * start + size - 1;
    const node = nodes[nodeIndex];
    const detail = () => `node ${nodeIndex}`;
    if (size === 1) {
      ensure(node?.nodeType !== NodeType.parent, "12.4.3.3: even entries of ratchet_tree are leaves", detail);
      return treeLeaf(nodeIndex, node?.leafNode);
    }
    ensure(node?.nodeType !== NodeType.leaf, "12.4.3.3: odd entries of ratchet_tree are parents", detail);
    const half = size / 2;
    const treeNode = treeParent(nodeIndex, node?.parentNode, build(start, half), build(start + half, half));
    checkParent(treeNode);
    return treeNode;
  };
  return build(0, width);
}

/** The nodes of a tree in their order, without blanks at the end. */
export function treeToNodes(root: TreeNode): RatchetTreeNodes {
  const nodes: (RatchetTreeNodes[number] | undefined)[] = [];
  let end = 0;
  const visit = (treeNode: TreeNode): void => {
    if (treeNode.kind === "leaf") {
      nodes.push(treeNode.node && { nodeType: NodeType.leaf, leafNode: treeNode.node });
    } else {
      visit(treeNode.left);
      nodes.push(treeNode.node && { nodeType: NodeType.parent, parentNode: treeNode.node });
      visit(treeNode.right);
      return;
    }
    if (treeNode.node !== undefined) end = nodes.length;
  };
  visit(root);
  return nodes.slice(0, end);
}

/** All leaf nodes and all parent nodes below a root, for an index over them. */
export function allNodes(root: TreeNode): { leaves: LeafNode[]; parents: ParentNode[] } {
  const leaves: LeafNode[] = [];
  const parents: ParentNode[] = [];
  const visit = (treeNode: TreeNode): void => {
    if (treeNode.memberCount === 0) return;
    if (treeNode.kind === "leaf") leaves.push(treeNode.node as LeafNode);
    else {
      if (treeNode.node !== undefined) parents.push(treeNode.node);
      visit(treeNode.left);
      visit(treeNode.right);
    }
  };
  visit(root);
  return { leaves, parents };
}
