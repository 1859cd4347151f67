// RFC 9420 §12.4.3.3, §12.4.3.1: a ratchet tree as the list of its nodes.
import { ensure } from "../errors.js";
import { type LeafNode, NodeType, type ParentNode, type RatchetTreeNodes } from "../wire/index.js";
import { isLeafBelow } from "./math.js";
import { leafSlot, type ParentSlot, parentSlot, type Slot } from "./slot.js";

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
function checkParent(slot: ParentSlot): void {
  const { node, nodeIndex } = slot;
  if (node === undefined) return;
  ensure(
    slot.left.memberCount > 0 && slot.right.memberCount > 0,
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
    let at: Slot = 2 * leafIndex < nodeIndex ? slot.left : slot.right;
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

/** The head of the tree that `nodes` list. @throws ValidationError */
export function slotFromNodes(nodes: RatchetTreeNodes): Slot {
  ensure(nodes.at(-1) !== undefined, "12.4.3.3: the last node in ratchet_tree must be non-blank");
  let width = 1;
  while (2 * width - 1 < nodes.length) width *= 2;
  const build = (start: number, size: number): Slot => {
    const nodeIndex = 2 * start + size - 1;
    const node = nodes[nodeIndex];
    const detail = () => `node ${nodeIndex}`;
    if (size === 1) {
      ensure(node?.nodeType !== NodeType.parent, "12.4.3.3: even entries of ratchet_tree are leaves", detail);
      return leafSlot(nodeIndex, node?.leafNode);
    }
    ensure(node?.nodeType !== NodeType.leaf, "12.4.3.3: odd entries of ratchet_tree are parents", detail);
    const half = size / 2;
    const slot = parentSlot(nodeIndex, node?.parentNode, build(start, half), build(start + half, half));
    checkParent(slot);
    return slot;
  };
  return build(0, width);
}

/** The nodes of a tree in their order, without blanks at the end. */
export function slotToNodes(head: Slot): RatchetTreeNodes {
  const nodes: (RatchetTreeNodes[number] | undefined)[] = [];
  let end = 0;
  const visit = (slot: Slot): void => {
    if (slot.kind === "leaf") {
      nodes.push(slot.node && { nodeType: NodeType.leaf, leafNode: slot.node });
    } else {
      visit(slot.left);
      nodes.push(slot.node && { nodeType: NodeType.parent, parentNode: slot.node });
      visit(slot.right);
      return;
    }
    if (slot.node !== undefined) end = nodes.length;
  };
  visit(head);
  return nodes.slice(0, end);
}

/** All leaf nodes and all parent nodes below a head, for an index over them. */
export function allNodes(head: Slot): { leaves: LeafNode[]; parents: ParentNode[] } {
  const leaves: LeafNode[] = [];
  const parents: ParentNode[] = [];
  const visit = (slot: Slot): void => {
    if (slot.memberCount === 0) return;
    if (slot.kind === "leaf") leaves.push(slot.node as LeafNode);
    else {
      if (slot.node !== undefined) parents.push(slot.node);
      visit(slot.left);
      visit(slot.right);
    }
  };
  visit(head);
  return { leaves, parents };
}
