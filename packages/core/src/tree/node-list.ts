// RFC 9420 §12.4.3.3, §12.4.3.1: the conversion between a ratchet tree and the list of its nodes.
import { ensure } from "../errors.js";
import { type LeafNodeHead, NodeType, type ParentNode, type RatchetTreeNodes } from "../wire/index.js";
import { isLeafBelow } from "./math.js";
import { blankSubtree, type TreeNode, type TreeParent, treeLeaf, treeParent } from "./tree-node.js";

/** Whether a strictly increasing list contains a value: a binary search. */
function includes(sorted: readonly number[], value: number): boolean {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === value;
}

/** Checks that unmerged leaves are in order, and below their parent. @throws ValidationError */
export function checkUnmerged(unmergedLeaves: readonly number[], nodeIndex: number): void {
  let previous = -1;
  for (const leafIndex of unmergedLeaves) {
    const detail = () => unmergedLeaf(leafIndex, nodeIndex);
    ensure(leafIndex > previous, "7.1: unmerged_leaves must be sorted in increasing order", detail);
    previous = leafIndex;
    ensure(
      leafIndex < 2 ** 30 && isLeafBelow(leafIndex, nodeIndex),
      "12.4.3.1: each unmerged leaf must be a descendant of its parent node",
      detail,
    );
  }
}

const unmergedLeaf = (leafIndex: number, nodeIndex: number) =>
  `leaf index ${leafIndex} in the unmerged leaves of node ${nodeIndex}`;

/** Checks a parent node against the subtree below it, whose parents are checked already. */
function checkParent({ content, nodeIndex, left, right }: TreeParent): void {
  if (content === undefined) return;
  ensure(
    left.memberCount > 0 && right.memberCount > 0,
    "4.1.2: a parent node without members below both of its children is filtered out of every path, and blank",
    () => `node ${nodeIndex}`,
  );
  checkUnmerged(content.unmergedLeaves, nodeIndex);
  for (const leafIndex of content.unmergedLeaves) {
    const detail = () => unmergedLeaf(leafIndex, nodeIndex);
    // The nearest non-blank parent below must list the leaf. It was itself checked against those below it.
    let below: TreeNode = 2 * leafIndex < nodeIndex ? left : right;
    while (below.kind === "parent" && below.content === undefined) {
      below = 2 * leafIndex < below.nodeIndex ? below.left : below.right;
    }
    if (below.kind === "parent") {
      ensure(
        includes((below.content as ParentNode).unmergedLeaves, leafIndex),
        "12.4.3.1: every non-blank node between an unmerged leaf and the parent node must list the leaf too",
        detail,
      );
    } else {
      ensure(below.content !== undefined, "12.4.3.1: each unmerged leaf must be non-blank", detail);
    }
  }
}

/** The root of the tree that a list of nodes encodes. @throws ValidationError */
export function treeFromNodes(nodes: RatchetTreeNodes): TreeNode {
  ensure(nodes.at(-1) !== undefined, "12.4.3.3: the last node in ratchet_tree must be non-blank");
  let width = 1;
  while (2 * width - 1 < nodes.length) width *= 2;
  const build = (start: number, size: number): TreeNode => {
    if (2 * start >= nodes.length) return blankSubtree(start, size);
    const nodeIndex = 2 * start + size - 1;
    const node = nodes[nodeIndex];
    if (size === 1) {
      ensure(
        node?.nodeType !== NodeType.parent,
        "12.4.3.3: even entries of ratchet_tree are leaves",
        () => `node ${nodeIndex}`,
      );
      return treeLeaf(nodeIndex, node?.leafNode);
    }
    ensure(
      node?.nodeType !== NodeType.leaf,
      "12.4.3.3: odd entries of ratchet_tree are parents",
      () => `node ${nodeIndex}`,
    );
    const half = size / 2;
    const [left, right] = [build(start, half), build(start + half, half)];
    // What is blank takes the memory of one node.
    if (node === undefined && left.memberCount + right.memberCount === 0) return blankSubtree(start, size);
    const parent = treeParent(nodeIndex, node?.parentNode, left, right);
    checkParent(parent);
    return parent;
  };
  return build(0, width);
}

/** The nodes of a tree in their order, up to the last non-blank one. */
export function treeToNodes(root: TreeNode): RatchetTreeNodes {
  const nodes: (RatchetTreeNodes[number] | undefined)[] = [];
  let end = 0;
  const visit = (node: TreeNode): void => {
    if (node.kind === "parent") {
      visit(node.left);
      nodes.push(node.content && { nodeType: NodeType.parent, parentNode: node.content });
      visit(node.right);
    } else {
      nodes.push(node.content && { nodeType: NodeType.leaf, leafNode: node.content });
      if (node.content !== undefined) end = nodes.length;
    }
  };
  visit(root);
  return nodes.slice(0, end);
}

/** The public keys of a tree: those of its members, and then those of its parents. */
export function keysIn(root: TreeNode): { signatureKeys: Uint8Array[]; encryptionKeys: Uint8Array[] } {
  const signatureKeys: Uint8Array[] = [];
  const encryptionKeys: Uint8Array[] = [];
  const ofParents: Uint8Array[] = [];
  const visit = (node: TreeNode): void => {
    if (node.memberCount === 0) return;
    if (node.kind === "leaf") {
      const { signatureKey, encryptionKey } = node.head as LeafNodeHead;
      signatureKeys.push(signatureKey);
      encryptionKeys.push(encryptionKey);
    } else {
      if (node.content !== undefined) ofParents.push(node.content.encryptionKey);
      visit(node.left);
      visit(node.right);
    }
  };
  visit(root);
  for (const key of ofParents) encryptionKeys.push(key);
  return { signatureKeys, encryptionKeys };
}
