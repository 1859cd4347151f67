// RFC 9420 §4.1, §7.7: the nodes of a ratchet tree, immutable and shared between the trees of many epochs.
import { decode } from "../codec/index.js";
import { inSavedState } from "../errors.js";
import { LeafNode, type LeafNodeHead, leafNodeHead, type ParentNode } from "../wire/index.js";
import { level, rootIndex } from "./math.js";

/** A leaf of the tree. */
export class TreeLeaf {
  readonly kind = "leaf";
  readonly nodeIndex: number;
  readonly memberCount: 0 | 1;
  /** Its encoding, if it was in a saved tree. */
  readonly saved: Uint8Array | undefined;
  /** Tree hash (§7.8), `Nh` bytes, once computed. */
  hash: Uint8Array | undefined = undefined;
  #content: LeafNode | undefined;

  constructor(nodeIndex: number, content: LeafNode | undefined, saved?: Uint8Array) {
    this.nodeIndex = nodeIndex;
    this.memberCount = (content ?? saved) === undefined ? 0 : 1;
    this.saved = saved;
    this.#content = content;
  }

  /** `undefined` for a blank leaf. One of a saved tree is decoded when it is first asked for. */
  get content(): LeafNode | undefined {
    const { saved } = this;
    if (saved !== undefined) this.#content ??= inSavedState(() => decode(LeafNode, saved));
    return this.#content;
  }

  /** What the index of keys and the summary need: of a leaf that isn't decoded, the first fields. */
  get head(): LeafNodeHead | undefined {
    const { saved } = this;
    return this.#content ?? (saved && inSavedState(() => leafNodeHead(saved)));
  }
}

/** What a parent consists of. */
export interface ParentParts {
  /** `undefined` for a blank parent. */
  readonly content: ParentNode | undefined;
  readonly left: TreeNode;
  readonly right: TreeNode;
}

/** A parent of the tree, with its subtrees. */
export class TreeParent implements ParentParts {
  readonly kind = "parent";
  readonly nodeIndex: number;
  /** The number of non-blank leaves below. If it is 0, all nodes below are blank. */
  readonly memberCount: number;
  /** The encoding of the subtree, if it was in a saved tree. */
  readonly saved: Uint8Array | undefined;
  /** Tree hash (§7.8), `Nh` bytes, once computed. */
  hash: Uint8Array | undefined;
  /** What the members below have in common, once computed; `null` if there are none. */
  summary: SubtreeSummary | null | undefined;
  #content: ParentNode | undefined;
  #left: TreeNode | undefined;
  #right: TreeNode | undefined;
  /** Makes the parts when the first of them is asked for. */
  #make: (() => ParentParts) | undefined;

  constructor(
    nodeIndex: number,
    memberCount: number,
    parts: ParentParts | (() => ParentParts),
    saved?: Uint8Array,
    hash?: Uint8Array,
  ) {
    this.nodeIndex = nodeIndex;
    this.memberCount = memberCount;
    this.saved = saved;
    this.hash = hash;
    this.summary = memberCount === 0 ? null : undefined;
    const isMade = typeof parts !== "function";
    this.#content = isMade ? parts.content : undefined;
    this.#left = isMade ? parts.left : undefined;
    this.#right = isMade ? parts.right : undefined;
    this.#make = isMade ? undefined : parts;
  }

  get content(): ParentNode | undefined {
    if (this.#make !== undefined) this.#load(this.#make);
    return this.#content;
  }

  get left(): TreeNode {
    if (this.#make !== undefined) this.#load(this.#make);
    return this.#left as TreeNode;
  }

  get right(): TreeNode {
    if (this.#make !== undefined) this.#load(this.#make);
    return this.#right as TreeNode;
  }

  #load(make: () => ParentParts): void {
    const { content, left, right } = make();
    this.#content = content;
    this.#left = left;
    this.#right = right;
    this.#make = undefined;
  }
}

/**
 * A node of the tree, with the subtree below it. It never changes, except for the values that it caches, so trees can
 * share it. A node keeps its index when a tree grows or shrinks, because that happens only at the right edge.
 */
export type TreeNode = TreeLeaf | TreeParent;

export function treeLeaf(nodeIndex: number, content: LeafNode | undefined): TreeLeaf {
  return new TreeLeaf(nodeIndex, content);
}

export function treeParent(
  nodeIndex: number,
  content: ParentNode | undefined,
  left: TreeNode,
  right: TreeNode,
): TreeParent {
  return new TreeParent(nodeIndex, left.memberCount + right.memberCount, { content, left, right });
}

/**
 * A subtree of blank nodes with `width` leaves, the first of them at leaf index `start`. O(1): those below its root are
 * made when they are asked for, since a node that isn't blank costs its sender 200 bytes, a blank one a single byte.
 */
export function blankSubtree(start: number, width: number): TreeNode {
  if (width === 1) return treeLeaf(2 * start, undefined);
  const half = width / 2;
  return new TreeParent(2 * start + rootIndex(width), 0, () => ({
    content: undefined,
    left: blankSubtree(start, half),
    right: blankSubtree(start + half, half),
  }));
}

/** The number of leaves of a subtree, blank ones included. */
export function widthOf({ nodeIndex }: TreeNode): number {
  // Appendix C: a node of level k has k ones at the end of its index.
  return 2 ** level(nodeIndex);
}

/** The node with a node index, which must be in the subtree of `root`. */
export function treeNodeAt(root: TreeNode, nodeIndex: number): TreeNode {
  let node = root;
  while (node.nodeIndex !== nodeIndex && node.kind === "parent") {
    node = nodeIndex < node.nodeIndex ? node.left : node.right;
  }
  return node;
}

/** The resolution (§4.1.1) of a node, as node indices in the order of the RFC. */
export function resolutionOf(node: TreeNode, found: number[] = []): readonly number[] {
  if (node.memberCount === 0) return found;
  if (node.content !== undefined) {
    found.push(node.nodeIndex);
    if (node.kind === "parent") {
      for (const leafIndex of node.content.unmergedLeaves) found.push(2 * leafIndex);
    }
  } else if (node.kind === "parent") {
    resolutionOf(node.left, found);
    resolutionOf(node.right, found);
  }
  return found;
}

/** The leaf indices of the blank leaves of a subtree, from left to right. */
export function* blankLeaves(node: TreeNode): Generator<number, void, undefined> {
  if (node.memberCount === widthOf(node)) return;
  if (node.kind === "leaf") yield node.nodeIndex / 2;
  else {
    yield* blankLeaves(node.left);
    yield* blankLeaves(node.right);
  }
}

/** A leaf index, and the leaf node to put there; `undefined` makes the leaf blank. */
export interface LeafEdit {
  readonly leafIndex: number;
  readonly node: LeafNode | undefined;
}

/** The new content of a parent when the leaves of `edits`, all of them below it, change. */
export type ParentEdit = (parent: TreeParent, edits: readonly LeafEdit[]) => ParentNode | undefined;

/** The keys that an edit removed and added. */
export class KeyChanges {
  readonly signature = { removed: [] as Uint8Array[], added: [] as Uint8Array[] };
  readonly encryption = { removed: [] as Uint8Array[], added: [] as Uint8Array[] };

  note(which: "removed" | "added", node: LeafNode | ParentNode | undefined): void {
    if (node === undefined) return;
    this.encryption[which].push(node.encryptionKey);
    if ("signatureKey" in node) this.signature[which].push(node.signatureKey);
  }
}

/**
 * A subtree with new leaves and new parents above them. It shares all other nodes with the old subtree.
 * @param edits the new leaves in the order of their indices, at least one
 * @param parentEdit gives the content of each parent above a new leaf
 * @param changes is told the keys, if anybody wants to know them
 */
export function edited(
  node: TreeNode,
  edits: readonly LeafEdit[],
  parentEdit: ParentEdit,
  changes?: KeyChanges,
): TreeNode {
  changes?.note("removed", node.content);
  if (node.kind === "leaf") {
    const { node: content } = edits[0] as LeafEdit;
    changes?.note("added", content);
    return treeLeaf(node.nodeIndex, content);
  }
  const { nodeIndex, left, right } = node;
  const content = parentEdit(node, edits);
  changes?.note("added", content);
  const firstRight = edits.findIndex((edit) => 2 * edit.leafIndex > nodeIndex);
  const split = firstRight < 0 ? edits.length : firstRight;
  // Most edits are of one leaf: no copy of the list is made for a side that has all or none of them.
  const allLeft = split === edits.length;
  return treeParent(
    nodeIndex,
    content,
    split === 0 ? left : edited(left, allLeft ? edits : edits.slice(0, split), parentEdit, changes),
    allLeft ? right : edited(right, split === 0 ? edits : edits.slice(split), parentEdit, changes),
  );
}

/** The node index of a parent, and its new content. */
export interface ParentChange {
  readonly nodeIndex: number;
  readonly node: ParentNode | undefined;
}

/** The differences between two trees. */
export interface TreeChanges {
  /**
   * In the order of their indices: those that change, and one below each parent that changes alone. To the right of the first
   * tree, every leaf is listed.
   */
  readonly leaves: readonly LeafEdit[];
  /** A blank parent that the first tree doesn't have is no difference. */
  readonly parents: readonly ParentChange[];
}

interface ChangeList extends TreeChanges {
  readonly leaves: LeafEdit[];
  readonly parents: ParentChange[];
}

/**
 * The changes that turn one tree into another. Shared subtrees are skipped, so between trees of one group the time is
 * linear in the number of changes. All leaves to the right of the first tree are listed, also blank ones, so that the
 * width of the second tree follows from their number.
 */
export function treeChanges(
  from: TreeNode | undefined,
  to: TreeNode | undefined,
  changes: ChangeList = { leaves: [], parents: [] },
): TreeChanges {
  if (from === to) return changes;
  const either = (from ?? to) as TreeNode;
  const growth = widthOf(to ?? either) - widthOf(from ?? either);
  const listed = changes.leaves.length;
  let changed: TreeParent | undefined;
  if (growth >= 0 && to?.kind === "parent") {
    // A wider tree has another root.
    const before = growth > 0 ? undefined : from?.content;
    if (before !== to.content) {
      changed = to;
      changes.parents.push({ nodeIndex: to.nodeIndex, node: to.content });
    }
  }
  if (either.kind === "leaf" && growth === 0) {
    const content = (to as TreeLeaf | undefined)?.content;
    // Without decoding a leaf that became blank.
    if (from === undefined || from.memberCount !== to?.memberCount || from.content !== content) {
      changes.leaves.push({ leafIndex: either.nodeIndex / 2, node: content });
    }
    return changes;
  }
  // The narrower tree is at the place of the wider one's left half.
  const [a, b] = [from as TreeParent | undefined, to as TreeParent | undefined];
  treeChanges(growth > 0 ? from : a?.left, growth < 0 ? to : b?.left, changes);
  treeChanges(growth > 0 ? undefined : a?.right, growth < 0 ? undefined : b?.right, changes);
  // A member who was added and removed since has blanked it, and left its leaf as it was.
  if (changed !== undefined && changes.leaves.length === listed) changes.leaves.push(firstLeaf(changed));
  return changes;
}

/** The first leaf below a node, as it is. */
function firstLeaf(node: TreeNode): LeafEdit {
  return node.kind === "leaf" ? { leafIndex: node.nodeIndex / 2, node: node.content } : firstLeaf(node.left);
}

/** What all members of a tree have in common. */
export interface TreeSummary {
  /** The number of members. */
  readonly members: number;
  /** The credential types that members use. */
  readonly credentialTypes: ReadonlySet<number>;
  /** What the `capabilities` of every member list. */
  readonly supported: {
    readonly versions: ReadonlySet<number>;
    readonly cipherSuites: ReadonlySet<number>;
    readonly extensions: ReadonlySet<number>;
    readonly proposals: ReadonlySet<number>;
    readonly credentials: ReadonlySet<number>;
  };
}

/** The summary of a subtree, without the number of members, so that subtrees can share an equal summary. */
export type SubtreeSummary = Omit<TreeSummary, "members">;
