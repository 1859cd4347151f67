// RFC 9420 §4.1, §7.7: the places of a ratchet tree, immutable and shared between the trees of many epochs.

import type { LeafNode, ParentNode } from "../wire/index.js";
import { rootIndex } from "./math.js";

/** The place of a leaf, with the leaf node in it unless it is blank. */
export interface TreeLeaf {
  readonly kind: "leaf";
  readonly nodeIndex: number;
  readonly node: LeafNode | undefined;
  readonly memberCount: 0 | 1;
  /** Tree hash (§7.8), once computed. */
  hash: Uint8Array | undefined;
}

/** The place of a parent, with what is below it, and the parent node in it unless it is blank. */
export interface TreeParent {
  readonly kind: "parent";
  readonly nodeIndex: number;
  readonly node: ParentNode | undefined;
  readonly left: TreeNode;
  readonly right: TreeNode;
  /** How many leaves below are not blank. With none, no node below is anything but blank. */
  readonly memberCount: number;
  /** Tree hash (§7.8), once computed. */
  hash: Uint8Array | undefined;
  /** What the members below have in common, once computed; `null` if there are none. */
  summary: SubtreeSummary | null | undefined;
}

/**
 * The root of a subtree. A treeNode never changes but for the values that it remembers, so two trees may share
 * it; it keeps its node index in both, since trees grow and shrink at their right edge only.
 */
export type TreeNode = TreeLeaf | TreeParent;

export function treeLeaf(nodeIndex: number, node: LeafNode | undefined): TreeLeaf {
  return { kind: "leaf", nodeIndex, node, memberCount: node === undefined ? 0 : 1, hash: undefined };
}

export function treeParent(
  nodeIndex: number,
  node: ParentNode | undefined,
  left: TreeNode,
  right: TreeNode,
): TreeParent {
  const memberCount = left.memberCount + right.memberCount;
  return { kind: "parent", nodeIndex, node, left, right, memberCount, hash: undefined, summary: undefined };
}

/** A subtree without any node, `width` leaves wide, the first of them at leaf index `start`. */
export function blankSubtree(start: number, width: number): TreeNode {
  if (width === 1) return treeLeaf(2 * start, undefined);
  const half = width / 2;
  return treeParent(
    2 * start + rootIndex(width),
    undefined,
    blankSubtree(start, half),
    blankSubtree(start + half, half),
  );
}

/** How many leaves a subtree has. */
export function widthOf(treeNode: TreeNode): number {
  return treeNode.kind === "leaf" ? 1 : treeNode.right.nodeIndex - treeNode.left.nodeIndex;
}

/** The treeNode at a node index at or below `root`. */
export function treeNodeAt(root: TreeNode, nodeIndex: number): TreeNode {
  let at = root;
  while (at.nodeIndex !== nodeIndex && at.kind === "parent")
    at = nodeIndex < at.nodeIndex ? at.left : at.right;
  return at;
}

/** The resolution (§4.1.1) of a subtree's root: node indices, left first. */
export function resolutionOf(treeNode: TreeNode, found: number[] = []): readonly number[] {
  if (treeNode.memberCount === 0) return found;
  if (treeNode.node !== undefined) {
    found.push(treeNode.nodeIndex);
    if (treeNode.kind === "parent")
      for (const leafIndex of treeNode.node.unmergedLeaves) found.push(2 * leafIndex);
  } else if (treeNode.kind === "parent") {
    resolutionOf(treeNode.left, found);
    resolutionOf(treeNode.right, found);
  }
  return found;
}

/** The indices of the blank leaves of a subtree, left first. */
export function* blankLeaves(treeNode: TreeNode): Generator<number, void, undefined> {
  if (treeNode.memberCount === widthOf(treeNode)) return;
  if (treeNode.kind === "leaf") yield treeNode.nodeIndex / 2;
  else {
    yield* blankLeaves(treeNode.left);
    yield* blankLeaves(treeNode.right);
  }
}

/** A leaves and what is to stand in it. */
export interface LeafEdit {
  readonly leafIndex: number;
  readonly node: LeafNode | undefined;
}

/** What becomes of the parent node at `treeNode` when the leaves of `edits` below it change. */
export type ParentEdit = (treeNode: TreeParent, edits: readonly LeafEdit[]) => ParentNode | undefined;

/** The nodes that an edit took out and put in. */
export interface Changes {
  readonly removed: (LeafNode | ParentNode)[];
  readonly added: (LeafNode | ParentNode)[];
}

/**
 * A subtree with other leaves at the places of `edits`, which are in the order of their leaf indices and not
 * empty, and other parents above these. All else is shared with the subtree as it was.
 */
export function edited(
  treeNode: TreeNode,
  edits: readonly LeafEdit[],
  parentEdit: ParentEdit,
  changes: Changes,
): TreeNode {
  if (treeNode.kind === "leaf") {
    const { node } = edits[0] as LeafEdit;
    if (treeNode.node !== undefined) changes.removed.push(treeNode.node);
    if (node !== undefined) changes.added.push(node);
    return treeLeaf(treeNode.nodeIndex, node);
  }
  const firstRight = edits.findIndex((edit) => 2 * edit.leafIndex > treeNode.nodeIndex);
  const split = firstRight < 0 ? edits.length : firstRight;
  const [inLeft, inRight] =
    split === 0
      ? [[], edits]
      : split === edits.length
        ? [edits, []]
        : [edits.slice(0, split), edits.slice(split)];
  const node = parentEdit(treeNode, edits);
  if (treeNode.node !== undefined) changes.removed.push(treeNode.node);
  if (node !== undefined) changes.added.push(node);
  return treeParent(
    treeNode.nodeIndex,
    node,
    inLeft.length === 0 ? treeNode.left : edited(treeNode.left, inLeft, parentEdit, changes),
    inRight.length === 0 ? treeNode.right : edited(treeNode.right, inRight, parentEdit, changes),
  );
}

/** A parent's place and what is to stand in it. */
export interface ParentChange {
  readonly nodeIndex: number;
  readonly node: ParentNode | undefined;
}

/** The parents in which a tree differs from another, but for blank ones where the other has no place for them. */
export function parentChanges(
  from: TreeNode | undefined,
  to: TreeNode | undefined,
  changes: ParentChange[] = [],
): ParentChange[] {
  if (from === to || to === undefined || to.kind === "leaf") return changes;
  let before = from;
  while (before?.kind === "parent" && widthOf(before) > widthOf(to)) before = before.left;
  if (before === to) return changes;
  const narrower = before !== undefined && widthOf(before) < widthOf(to);
  const same = before?.kind === "parent" && !narrower ? before : undefined;
  if (same?.node !== to.node) changes.push({ nodeIndex: to.nodeIndex, node: to.node });
  parentChanges(narrower ? before : same?.left, to.left, changes);
  return parentChanges(same?.right, to.right, changes);
}

/**
 * The edits that turn the leaves of one tree into those of another. What the two share is passed over, so that
 * between trees of one group it takes time in the number of changes. Leaves to the right of the first tree are
 * all there, blank ones too, so that nobody has to believe how wide the second is.
 */
export function leafEdits(
  from: TreeNode | undefined,
  to: TreeNode | undefined,
  edits: LeafEdit[] = [],
): LeafEdit[] {
  if (from === to) return edits;
  const [fromWidth, toWidth] = [from && widthOf(from), to && widthOf(to)];
  if (fromWidth !== undefined && toWidth !== undefined && fromWidth !== toWidth) {
    // The narrower tree is in the place of the wider one's left half.
    const narrowerFrom = fromWidth < toWidth;
    const wider = (narrowerFrom ? to : from) as TreeParent;
    leafEdits(narrowerFrom ? from : wider.left, narrowerFrom ? wider.left : to, edits);
    return leafEdits(narrowerFrom ? undefined : wider.right, narrowerFrom ? wider.right : undefined, edits);
  }
  const one = (from ?? to) as TreeNode;
  if (one.kind === "leaf") {
    const node = to?.kind === "leaf" ? to.node : undefined;
    if (from === undefined || (from as TreeLeaf).node !== node)
      edits.push({ leafIndex: one.nodeIndex / 2, node });
    return edits;
  }
  const [a, b] = [from as TreeParent | undefined, to as TreeParent | undefined];
  leafEdits(a?.left, b?.left, edits);
  return leafEdits(a?.right, b?.right, edits);
}

/** What holds for all members at once. */
export interface TreeSummary {
  readonly members: number;
  /** The credential types of the members. */
  readonly credentialTypes: ReadonlySet<number>;
  /** What every member's `capabilities` list. */
  readonly supported: {
    readonly versions: ReadonlySet<number>;
    readonly cipherSuites: ReadonlySet<number>;
    readonly extensions: ReadonlySet<number>;
    readonly proposals: ReadonlySet<number>;
    readonly credentials: ReadonlySet<number>;
  };
}

/** The summary of a subtree. It has no number of members, so that subtrees with the same one can share it. */
export type SubtreeSummary = Omit<TreeSummary, "members">;
