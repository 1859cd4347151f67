// RFC 9420 §4, §7.7, §12.1: the ratchet tree's public state, as an immutable value.
import { equalBytes } from "../bytes.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider } from "../provider/index.js";
import { LeafNode, type ParentNode, type RatchetTreeNodes } from "../wire/index.js";
import { KeySet } from "./key-set.js";
import { rootIndex } from "./math.js";
import { allNodes, treeFromNodes, treeToNodes } from "./node-list.js";
import { summaryOf } from "./summary.js";
import { treeHashes } from "./tree-hash.js";
import {
  blankLeaves,
  blankSubtree,
  type Changes,
  edited,
  type LeafEdit,
  leafEdits,
  type ParentChange,
  parentChanges,
  type ParentEdit,
  resolutionOf,
  treeLeaf,
  type TreeNode,
  treeNodeAt,
  treeParent,
  type TreeSummary,
  widthOf,
} from "./tree-node.js";

/** A node on a filtered direct path, and its child on the copath. Node indices. */
export interface PathStep {
  readonly node: number;
  readonly copath: number;
}

/** In what a tree differs from another one. */
export interface TreeChanges {
  /** In the order of their indices; beyond the other tree each leaf, one after the other. */
  readonly leaves: readonly LeafEdit[];
  readonly parents: readonly ParentChange[];
}

/** Update and remove blank the nodes above (§12.1.2, §12.1.3). */
const blank: ParentEdit = () => undefined;

/** Add lists the new leaves in the non-blank nodes above (§12.1.1). */
const unmerge: ParentEdit = ({ node }, edits) => {
  if (node === undefined) return undefined;
  const added = edits.map((edit) => edit.leafIndex);
  const { unmergedLeaves } = node;
  // The leftmost blank leaf may lie left of leaves that were added earlier, and it is no member yet.
  const [last, first] = [unmergedLeaves.at(-1), added[0] as number];
  const all = [...unmergedLeaves, ...added];
  return { ...node, unmergedLeaves: last !== undefined && last > first ? all.sort((a, b) => a - b) : all };
};

/**
 * The public state of a ratchet tree. Every change gives another tree, which shares all but the changed paths
 * with the one before; hashes and summaries of what is shared stay known. A tree belongs to a group and so
 * to one cipher suite: its hashes are remembered from the first provider that computes them.
 *
 * Leaf indices count leaves, node indices count nodes in the order of Appendix C (a leaf's is twice its leaf index).
 */
export class RatchetTree {
  /** @internal for the rest of this chapter */
  readonly root: TreeNode;
  private readonly signatureKeys: KeySet;
  private readonly encryptionKeys: KeySet;

  private constructor(root: TreeNode, signatureKeys: KeySet, encryptionKeys: KeySet) {
    this.root = root;
    this.signatureKeys = signatureKeys;
    this.encryptionKeys = encryptionKeys;
  }

  private static over(root: TreeNode): RatchetTree {
    return new RatchetTree(
      root,
      KeySet.of(() => allNodes(root).leaves.map((node) => node.signatureKey)),
      KeySet.of(() => {
        const { leaves, parents } = allNodes(root);
        return [...leaves, ...parents].map((node) => node.encryptionKey);
      }),
    );
  }

  /** A tree of one member, at leaf index 0. */
  static of(leafNode: LeafNode): RatchetTree {
    return RatchetTree.over(treeLeaf(0, leafNode));
  }

  /**
   * The tree that a `ratchet_tree` extension (§12.4.3.3) lists. Checked is what concerns the structure: the
   * places of the nodes, and the unmerged leaves (§12.4.3.1). Keys that are there twice are for
   * {@link duplicateKey}, parent hashes for `verifyParentHashes`, leaf nodes for the caller to check.
   * @throws ValidationError
   */
  static fromNodes(nodes: RatchetTreeNodes): RatchetTree {
    return RatchetTree.over(treeFromNodes(nodes));
  }

  /** All nodes in their order, `undefined` for a blank one, without blanks after the last node (§12.4.3.3). */
  toNodes(): RatchetTreeNodes {
    return treeToNodes(this.root);
  }

  /** The number of leaves, a power of two. */
  get width(): number {
    return widthOf(this.root);
  }

  /** The number of non-blank leaves. */
  get memberCount(): number {
    return this.root.memberCount;
  }

  private treeNode(nodeIndex: number): TreeNode | undefined {
    if (!Number.isInteger(nodeIndex) || nodeIndex < 0 || nodeIndex > 2 * rootIndex(this.width))
      return undefined;
    return treeNodeAt(this.root, nodeIndex);
  }

  /** The leaf node at a leaf index; `undefined` if it is blank or out of range. */
  leaf(leafIndex: number): LeafNode | undefined {
    const treeNode = this.treeNode(2 * leafIndex);
    return treeNode?.kind === "leaf" ? treeNode.node : undefined;
  }

  /** The parent node at a node index; `undefined` if it is blank, a leaf, or out of range. */
  parentNode(nodeIndex: number): ParentNode | undefined {
    const treeNode = this.treeNode(nodeIndex);
    return treeNode?.kind === "parent" ? treeNode.node : undefined;
  }

  /** The public HPKE key at a node index; `undefined` if the node is blank or out of range. */
  encryptionKey(nodeIndex: number): Uint8Array | undefined {
    return this.treeNode(nodeIndex)?.node?.encryptionKey;
  }

  /** The non-blank leaves, left to right. */
  *members(): Generator<{ leafIndex: number; leafNode: LeafNode }, void, undefined> {
    const stack: TreeNode[] = [this.root];
    for (let treeNode = stack.pop(); treeNode !== undefined; treeNode = stack.pop()) {
      if (treeNode.memberCount === 0) continue;
      if (treeNode.kind === "parent") stack.push(treeNode.right, treeNode.left);
      else yield { leafIndex: treeNode.nodeIndex / 2, leafNode: treeNode.node as LeafNode };
    }
  }

  /**
   * The tree with other nodes at the leaves of `edits`, which are in the order of their indices, and what
   * `parentEdit` says above them.
   */
  private edit(edits: readonly LeafEdit[], parentEdit: ParentEdit): RatchetTree {
    if (edits.length === 0) return this;
    const changes: Changes = { removed: [], added: [] };
    let root = this.extendedTo((edits.at(-1) as LeafEdit).leafIndex + 1);
    root = edited(root, edits, parentEdit, changes);
    // What is cut off here is blank, since no parent stands above an empty half.
    while (root.kind === "parent" && root.right.memberCount === 0) root = root.left;
    const signatureKeys = (nodes: readonly (LeafNode | ParentNode)[]) =>
      nodes.flatMap((node) => ("signatureKey" in node ? [node.signatureKey] : []));
    const encryptionKeys = (nodes: readonly (LeafNode | ParentNode)[]) =>
      nodes.map((node) => node.encryptionKey);
    return new RatchetTree(
      root,
      this.signatureKeys.change(signatureKeys(changes.removed), signatureKeys(changes.added)),
      this.encryptionKeys.change(encryptionKeys(changes.removed), encryptionKeys(changes.added)),
    );
  }

  /** §7.7: the root of the tree, extended to the right until it has `leaves` leaves. */
  private extendedTo(leaves: number): TreeNode {
    let root = this.root;
    for (let width = this.width; width < leaves; width *= 2) {
      root = treeParent(rootIndex(2 * width), undefined, root, blankSubtree(width, width));
    }
    return root;
  }

  /**
   * §12.4.1: the same tree with room for a leaf, extended to the right if need be: before the path of an
   * external committer, whose leaf is the leftmost blank one.
   * @throws MlsError `usage` if the leaf is neither in the tree nor the next one to its right
   */
  reserve(leafIndex: number): RatchetTree {
    if (leafIndex < this.width) return this;
    if (leafIndex !== this.leftmostBlank()) {
      throw new MlsError("usage", `leaf ${leafIndex} is beyond a tree of ${this.width} leaves`);
    }
    return new RatchetTree(this.extendedTo(leafIndex + 1), this.signatureKeys, this.encryptionKeys);
  }

  /** The index at which {@link add} puts the next leaf: that of the leftmost blank leaf, or `width` if there is none. */
  leftmostBlank(): number {
    const { value } = blankLeaves(this.root).next();
    return typeof value === "number" ? value : this.width;
  }

  /** §12.1.1: puts a leaf node at the leftmost blank leaf, and lists it as unmerged above. O(log n) */
  add(leafNode: LeafNode): { tree: RatchetTree; leafIndex: number } {
    const leafIndex = this.leftmostBlank();
    return { tree: this.edit([{ leafIndex, node: leafNode }], unmerge), leafIndex };
  }

  /** §12.1.1 for each leaf node in turn, in one pass over the tree. */
  addAll(leafNodes: readonly LeafNode[]): { tree: RatchetTree; leafIndices: number[] } {
    const blanks = blankLeaves(this.root);
    let beyond = this.width;
    const edits = leafNodes.map((node) => {
      const { value } = blanks.next();
      return { leafIndex: typeof value === "number" ? value : beyond++, node };
    });
    return { tree: this.edit(edits, unmerge), leafIndices: edits.map((edit) => edit.leafIndex) };
  }

  private needMember(leafIndex: number): void {
    if (this.leaf(leafIndex) === undefined) {
      throw new MlsError("usage", `no member is at leaf ${leafIndex}`);
    }
  }

  /**
   * §12.1.2: replaces a member's leaf node, and blanks the nodes above.
   * @throws MlsError `usage` if no member is there
   */
  update(leafIndex: number, leafNode: LeafNode): RatchetTree {
    this.needMember(leafIndex);
    return this.edit([{ leafIndex, node: leafNode }], blank);
  }

  /**
   * §12.1.3: blanks a member's leaf and the nodes above, and truncates the tree.
   * @throws MlsError `usage` if no member is there
   */
  remove(leafIndex: number): RatchetTree {
    this.needMember(leafIndex);
    return this.edit([{ leafIndex, node: undefined }], blank);
  }

  /**
   * §7.5: puts a leaf node at a leaf, which may be blank (an external committer's), and these parent nodes above it, by node index; the other nodes above become blank.
   */
  withPath(leafIndex: number, leafNode: LeafNode, parents: ReadonlyMap<number, ParentNode>): RatchetTree {
    return this.edit([{ leafIndex, node: leafNode }], ({ nodeIndex }) => parents.get(nodeIndex));
  }

  /** The leaves in which another tree of the group differs from this one, in time of their number. */
  leavesTo(other: RatchetTree): readonly LeafEdit[] {
    return leafEdits(this.root, other.root);
  }

  /**
   * A tree with these leaves in the place of its own: {@link leavesTo} undone. Its parents say nothing.
   * @throws MlsError `usage` for leaves out of order, or beyond the tree and not next to each other: the tree
   *   grows by what is given, not by what an index claims
   */
  withLeaves(edits: readonly LeafEdit[]): RatchetTree {
    return this.withChanges({ leaves: edits, parents: [] });
  }

  /** In what another tree of the group differs from this one, in time of the number of differences. */
  changesTo(other: RatchetTree): TreeChanges {
    return { leaves: leafEdits(this.root, other.root), parents: parentChanges(this.root, other.root) };
  }

  /**
   * {@link changesTo} made: the other tree. A parent changes only above a leaf that does.
   * @throws MlsError `usage`, as {@link withLeaves}
   */
  withChanges({ leaves: edits, parents }: TreeChanges): RatchetTree {
    let previous = -1;
    for (const { leafIndex } of edits) {
      // Within the tree any that is further right, and beyond it the next one.
      if (leafIndex <= previous || leafIndex > Math.max(previous + 1, this.width)) {
        throw new MlsError("usage", `leaf ${leafIndex} after ${previous} in a tree of ${this.width} leaves`);
      }
      previous = leafIndex;
    }
    const changed = new Map(parents.map(({ nodeIndex, node }) => [nodeIndex, node]));
    return this.edit(edits, ({ nodeIndex, node }) =>
      changed.has(nodeIndex) ? changed.get(nodeIndex) : node,
    );
  }

  /** §4.1.1: the non-blank nodes that cover a subtree, as node indices; none for a node out of range. */
  resolution(nodeIndex: number): readonly number[] {
    const treeNode = this.treeNode(nodeIndex);
    return treeNode === undefined ? [] : resolutionOf(treeNode);
  }

  /**
   * §4.1.2: the nodes above a leaf, from its parent to the rootIndex, without those whose child on the copath has
   * an empty resolution. The leaf may be blank, but is in the tree.
   */
  filteredDirectPath(leafIndex: number): readonly PathStep[] {
    const path: PathStep[] = [];
    for (let treeNode = this.root; treeNode.kind === "parent"; ) {
      const isLeft = 2 * leafIndex < treeNode.nodeIndex;
      const copath = isLeft ? treeNode.right : treeNode.left;
      if (copath.memberCount > 0) path.push({ node: treeNode.nodeIndex, copath: copath.nodeIndex });
      treeNode = isLeft ? treeNode.left : treeNode.right;
    }
    return path.reverse();
  }

  /** Whether a member has this signature key. */
  hasSignatureKey(key: Uint8Array): boolean {
    return this.signatureKeys.has(key);
  }

  /** Whether a leaf or a parent has this encryption key. */
  hasEncryptionKey(key: Uint8Array): boolean {
    return this.encryptionKeys.has(key);
  }

  /**
   * The kind of a key that is in the tree twice, if there is one (§7.3, §12.4.3.1): of two leaves, or the encryption
   * key of a parent that another node has too. Takes time in the number of members only if an encryption key is.
   */
  duplicateKey(): "signature_key" | "encryption_key" | "parent_key" | undefined {
    if (this.signatureKeys.hasRepeats) return "signature_key";
    if (!this.encryptionKeys.hasRepeats) return undefined;
    const leaves = () => Array.from(this.members(), ({ leafNode }) => leafNode.encryptionKey);
    return KeySet.of(leaves).hasRepeats ? "encryption_key" : "parent_key";
  }

  /** The index of the leaf whose node is identical to this one (§12.4.3.1). */
  findLeaf(leafNode: LeafNode): number | undefined {
    if (!this.hasEncryptionKey(leafNode.encryptionKey)) return undefined;
    const encoding = LeafNode.encoding(leafNode);
    for (const { leafIndex, leafNode: candidate } of this.members()) {
      if (
        equalBytes(candidate.encryptionKey, leafNode.encryptionKey) &&
        equalBytes(LeafNode.encoding(candidate), encoding)
      ) {
        return leafIndex;
      }
    }
    return undefined;
  }

  /** What the members have in common. O(log n) after a change. */
  get summary(): TreeSummary {
    return summaryOf(this.root);
  }

  /** §7.8: the tree hash of the rootIndex, `Nh` bytes. Only what changed since an earlier hash is hashed. */
  treeHash(provider: CipherSuiteProvider): Awaitable<Uint8Array> {
    return this.root.hash ?? chain(treeHashes(provider, [this.root]), ([hash]) => hash as Uint8Array);
  }

  /**
   * §7.8: the tree hash of one node, `Nh` bytes.
   * @throws ValidationError if there is no such node
   */
  nodeHash(provider: CipherSuiteProvider, nodeIndex: number): Awaitable<Uint8Array> {
    return chain(this.nodeHashes(provider, [nodeIndex]), ([hash]) => hash as Uint8Array);
  }

  /** {@link nodeHash} of several nodes at once. */
  nodeHashes(provider: CipherSuiteProvider, nodeIndices: readonly number[]): Awaitable<Uint8Array[]> {
    const treeNodes = nodeIndices.map((nodeIndex) => {
      const treeNode = this.treeNode(nodeIndex);
      ensure(treeNode !== undefined, "4.1: a node must be in the tree", () => `node ${nodeIndex}`);
      return treeNode;
    });
    return treeHashes(provider, treeNodes);
  }
}
