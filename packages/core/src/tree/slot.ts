// RFC 9420 §4.1, §7.7: the places of a ratchet tree, immutable and shared between the trees of many epochs.

import type { LeafNode, ParentNode } from "../wire/index.js";
import { root } from "./math.js";

/** The place of a leaf, with the leaf node in it unless it is blank. */
export interface LeafSlot {
  readonly kind: "leaf";
  readonly nodeIndex: number;
  readonly node: LeafNode | undefined;
  readonly memberCount: 0 | 1;
  /** Tree hash (§7.8), once computed. */
  hash: Uint8Array | undefined;
}

/** The place of a parent, with what is below it, and the parent node in it unless it is blank. */
export interface ParentSlot {
  readonly kind: "parent";
  readonly nodeIndex: number;
  readonly node: ParentNode | undefined;
  readonly left: Slot;
  readonly right: Slot;
  /** How many leaves below are not blank. With none, no node below is anything but blank. */
  readonly memberCount: number;
  /** Tree hash (§7.8), once computed. */
  hash: Uint8Array | undefined;
  /** What the members below have in common, once computed; `null` if there are none. */
  summary: SubtreeSummary | null | undefined;
}

/**
 * The head of a subtree. A slot never changes but for the values that it remembers, so two trees may share
 * it; it keeps its node index in both, since trees grow and shrink at their right edge only.
 */
export type Slot = LeafSlot | ParentSlot;

export function leafSlot(nodeIndex: number, node: LeafNode | undefined): LeafSlot {
  return { kind: "leaf", nodeIndex, node, memberCount: node === undefined ? 0 : 1, hash: undefined };
}

export function parentSlot(
  nodeIndex: number,
  node: ParentNode | undefined,
  left: Slot,
  right: Slot,
): ParentSlot {
  const memberCount = left.memberCount + right.memberCount;
  return { kind: "parent", nodeIndex, node, left, right, memberCount, hash: undefined, summary: undefined };
}

/** A subtree without any node, `width` leaf slots wide, the first of them at leaf index `start`. */
export function blankSubtree(start: number, width: number): Slot {
  if (width === 1) return leafSlot(2 * start, undefined);
  const half = width / 2;
  return parentSlot(
    2 * start + root(width),
    undefined,
    blankSubtree(start, half),
    blankSubtree(start + half, half),
  );
}

/** How many leaf slots a subtree has. */
export function widthOf(slot: Slot): number {
  return slot.kind === "leaf" ? 1 : slot.right.nodeIndex - slot.left.nodeIndex;
}

/** The slot at a node index at or below `head`. */
export function slotAt(head: Slot, nodeIndex: number): Slot {
  let at = head;
  while (at.nodeIndex !== nodeIndex && at.kind === "parent")
    at = nodeIndex < at.nodeIndex ? at.left : at.right;
  return at;
}

/** The resolution (§4.1.1) of a subtree's head: node indices, left first. */
export function resolutionOf(slot: Slot, found: number[] = []): readonly number[] {
  if (slot.memberCount === 0) return found;
  if (slot.node !== undefined) {
    found.push(slot.nodeIndex);
    if (slot.kind === "parent") for (const leafIndex of slot.node.unmergedLeaves) found.push(2 * leafIndex);
  } else if (slot.kind === "parent") {
    resolutionOf(slot.left, found);
    resolutionOf(slot.right, found);
  }
  return found;
}

/** The indices of the blank leaves of a subtree, left first. */
export function* blankLeaves(slot: Slot): Generator<number, void, undefined> {
  if (slot.memberCount === widthOf(slot)) return;
  if (slot.kind === "leaf") yield slot.nodeIndex / 2;
  else {
    yield* blankLeaves(slot.left);
    yield* blankLeaves(slot.right);
  }
}

/** A leaf slot and what is to stand in it. */
export interface LeafEdit {
  readonly leafIndex: number;
  readonly node: LeafNode | undefined;
}

/** What becomes of the parent node at `slot` when the leaves of `edits` below it change. */
export type ParentEdit = (slot: ParentSlot, edits: readonly LeafEdit[]) => ParentNode | undefined;

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
  slot: Slot,
  edits: readonly LeafEdit[],
  parentEdit: ParentEdit,
  changes: Changes,
): Slot {
  if (slot.kind === "leaf") {
    const { node } = edits[0] as LeafEdit;
    if (slot.node !== undefined) changes.removed.push(slot.node);
    if (node !== undefined) changes.added.push(node);
    return leafSlot(slot.nodeIndex, node);
  }
  const firstRight = edits.findIndex((edit) => 2 * edit.leafIndex > slot.nodeIndex);
  const split = firstRight < 0 ? edits.length : firstRight;
  const [inLeft, inRight] =
    split === 0
      ? [[], edits]
      : split === edits.length
        ? [edits, []]
        : [edits.slice(0, split), edits.slice(split)];
  const node = parentEdit(slot, edits);
  if (slot.node !== undefined) changes.removed.push(slot.node);
  if (node !== undefined) changes.added.push(node);
  return parentSlot(
    slot.nodeIndex,
    node,
    inLeft.length === 0 ? slot.left : edited(slot.left, inLeft, parentEdit, changes),
    inRight.length === 0 ? slot.right : edited(slot.right, inRight, parentEdit, changes),
  );
}

/** A parent's place and what is to stand in it. */
export interface ParentChange {
  readonly nodeIndex: number;
  readonly node: ParentNode | undefined;
}

/** The parents in which a tree differs from another, but for blank ones where the other has no place for them. */
export function parentChanges(
  from: Slot | undefined,
  to: Slot | undefined,
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
export function leafEdits(from: Slot | undefined, to: Slot | undefined, edits: LeafEdit[] = []): LeafEdit[] {
  if (from === to) return edits;
  const [fromWidth, toWidth] = [from && widthOf(from), to && widthOf(to)];
  if (fromWidth !== undefined && toWidth !== undefined && fromWidth !== toWidth) {
    // The narrower tree is in the place of the wider one's left half.
    const narrowerFrom = fromWidth < toWidth;
    const wider = (narrowerFrom ? to : from) as ParentSlot;
    leafEdits(narrowerFrom ? from : wider.left, narrowerFrom ? wider.left : to, edits);
    return leafEdits(narrowerFrom ? undefined : wider.right, narrowerFrom ? wider.right : undefined, edits);
  }
  const one = (from ?? to) as Slot;
  if (one.kind === "leaf") {
    const node = to?.kind === "leaf" ? to.node : undefined;
    if (from === undefined || (from as LeafSlot).node !== node)
      edits.push({ leafIndex: one.nodeIndex / 2, node });
    return edits;
  }
  const [a, b] = [from as ParentSlot | undefined, to as ParentSlot | undefined];
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
