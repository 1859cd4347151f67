// RFC 9420 §4, §7.7, §12.1: the public state of a ratchet tree, as an immutable value.
import { equalBytes } from "../bytes.js";
import type { Writer } from "../codec/index.js";
import { ensure, inSavedState, MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";
import { LeafNode, type ParentNode, type RatchetTreeNodes } from "../wire/index.js";
import { KeySet } from "./key-set.js";
import { level, rootIndex } from "./math.js";
import { keysIn, treeFromNodes, treeToNodes } from "./node-list.js";
import { readTree, writeSubtree } from "./saved-nodes.js";
import { summaryOf } from "./summary.js";
import { treeHashes } from "./tree-hash.js";
import {
  blankLeaves,
  blankSubtree,
  edited,
  KeyChanges,
  type LeafEdit,
  type ParentEdit,
  resolutionOf,
  type TreeChanges,
  type TreeNode,
  type TreeSummary,
  treeChanges,
  treeLeaf,
  treeNodeAt,
  treeParent,
  widthOf,
} from "./tree-node.js";

/** A node of a filtered direct path. */
export interface PathStep {
  /** The node index. */
  readonly node: number;
  /** The node index of its child on the copath. */
  readonly copath: number;
}

/** Update and Remove blank the parents above (§12.1.2, §12.1.3). */
const blank: ParentEdit = () => undefined;

/** Add lists the new leaves as unmerged in the non-blank parents above (§12.1.1). */
const addUnmerged: ParentEdit = ({ content }, edits) => {
  if (content === undefined) return undefined;
  const added = edits.map((edit) => edit.leafIndex);
  const unmergedLeaves = [...content.unmergedLeaves, ...added];
  // The list must be sorted: the leftmost blank leaf may be to the left of leaves that were added before.
  const [last, first] = [content.unmergedLeaves.at(-1), added[0] as number];
  if (last !== undefined && last > first) unmergedLeaves.sort((a, b) => a - b);
  return { ...content, unmergedLeaves };
};

/**
 * The public state of a ratchet tree. A change returns a new tree, which shares all nodes but those of the changed
 * paths with the old one, and with them their cached hashes and summaries. A tree belongs to a group, and so to one
 * cipher suite: the first provider that computes a hash fills the cache for all others.
 *
 * Leaf indices count the leaves. Node indices count the nodes in the order of Appendix C: that of a leaf is twice its
 * leaf index.
 */
export class RatchetTree {
  #root: TreeNode | (() => TreeNode);
  private readonly signatureKeys: KeySet;
  private readonly encryptionKeys: KeySet;

  private constructor(
    root: TreeNode | (() => TreeNode),
    signatureKeys = KeySet.of(() => keysIn(this.root).signatureKeys),
    encryptionKeys = KeySet.of(() => keysIn(this.root).encryptionKeys),
  ) {
    this.#root = root;
    this.signatureKeys = signatureKeys;
    this.encryptionKeys = encryptionKeys;
  }

  /** @internal for this folder only */
  get root(): TreeNode {
    if (typeof this.#root === "function") this.#root = this.#root();
    return this.#root;
  }

  /** A tree of one member, at leaf index 0. */
  static of(leafNode: LeafNode): RatchetTree {
    return new RatchetTree(treeLeaf(0, leafNode));
  }

  /**
   * The tree of a `ratchet_tree` extension (§12.4.3.3). Checks only its structure: the positions of the nodes, and
   * the unmerged leaves (§12.4.3.1). The caller must check the leaf nodes, the parent hashes (`verifyParentHashes`)
   * and that keys are unique ({@link duplicateKey}).
   * @throws ValidationError
   */
  static fromNodes(nodes: RatchetTreeNodes): RatchetTree {
    return new RatchetTree(treeFromNodes(nodes));
  }

  /** All nodes in their order, `undefined` for a blank one, up to the last non-blank node (§12.4.3.3). */
  toNodes(): RatchetTreeNodes {
    return treeToNodes(this.root);
  }

  /**
   * Writes the tree for a saved state. What came from one is copied.
   * @throws MlsError `state`
   */
  save(writer: Writer): void {
    writer.uint8(level(this.root.nodeIndex));
    writeSubtree(writer, this.root);
  }

  /**
   * The tree that {@link save} wrote. It keeps the bytes, and decodes a node when it is first asked for.
   * @throws MlsError `state` if the bytes are no tree, also later
   */
  static load(bytes: Uint8Array): RatchetTree {
    return new RatchetTree(inSavedState(() => readTree(bytes)));
  }

  /** The number of leaves, a power of two. */
  get width(): number {
    return widthOf(this.root);
  }

  /** The number of non-blank leaves. */
  get memberCount(): number {
    return this.root.memberCount;
  }

  private nodeAt(nodeIndex: number): TreeNode | undefined {
    const inRange = Number.isInteger(nodeIndex) && nodeIndex >= 0 && nodeIndex <= 2 * rootIndex(this.width);
    return inRange ? treeNodeAt(this.root, nodeIndex) : undefined;
  }

  /** The leaf node at a leaf index; `undefined` if it is blank or out of range. */
  leaf(leafIndex: number): LeafNode | undefined {
    const node = this.nodeAt(2 * leafIndex);
    return node?.kind === "leaf" ? node.content : undefined;
  }

  /** The parent node at a node index; `undefined` if it is blank, a leaf, or out of range. */
  parentNode(nodeIndex: number): ParentNode | undefined {
    const node = this.nodeAt(nodeIndex);
    return node?.kind === "parent" ? node.content : undefined;
  }

  /** The public HPKE key at a node index, `Npk` bytes; `undefined` if the node is blank or out of range. */
  encryptionKey(nodeIndex: number): Uint8Array | undefined {
    const node = this.nodeAt(nodeIndex);
    return (node?.kind === "leaf" ? node.head : node?.content)?.encryptionKey;
  }

  /** The public HPKE keys of all non-blank nodes that have members below them, or are members. */
  get publicKeys(): Uint8Array[] {
    return keysIn(this.root).encryptionKeys;
  }

  /** The non-blank leaves, left to right. */
  *members(): Generator<{ leafIndex: number; leafNode: LeafNode }, void, undefined> {
    const stack: TreeNode[] = [this.root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node.memberCount === 0) continue;
      if (node.kind === "parent") stack.push(node.right, node.left);
      else yield { leafIndex: node.nodeIndex / 2, leafNode: node.content as LeafNode };
    }
  }

  /** The tree with new leaves, in the order of their indices, and the parents that `parentEdit` puts above them. */
  private edit(edits: readonly LeafEdit[], parentEdit: ParentEdit): RatchetTree {
    if (edits.length === 0) return this;
    const changes = new KeyChanges();
    const root = this.edited(edits, parentEdit, changes);
    const { signature, encryption } = changes;
    return new RatchetTree(
      root,
      this.signatureKeys.change(signature.removed, signature.added),
      this.encryptionKeys.change(encryption.removed, encryption.added),
    );
  }

  /** The root of the tree with new leaves. @param changes as in {@link edited} */
  private edited(edits: readonly LeafEdit[], parentEdit: ParentEdit, changes?: KeyChanges): TreeNode {
    let root = this.extendedTo((edits.at(-1) as LeafEdit).leafIndex + 1);
    root = edited(root, edits, parentEdit, changes);
    // §7.7: truncates the tree. A root with an empty right half is blank, so no key is lost.
    while (root.kind === "parent" && root.right.memberCount === 0) root = root.left;
    return root;
  }

  /** §7.7: the root of the tree, extended to the right until it has at least `leaves` leaves. */
  private extendedTo(leaves: number): TreeNode {
    let root = this.root;
    for (let width = this.width; width < leaves; width *= 2) {
      root = treeParent(rootIndex(2 * width), undefined, root, blankSubtree(width, width));
    }
    return root;
  }

  /**
   * §12.4.1: the same tree, extended to the right if the leaf is the next one beyond it. For the path of an external
   * committer, who gets the leftmost blank leaf.
   * @throws MlsError `usage` if the leaf is neither in the tree nor the next one to its right
   */
  reserve(leafIndex: number): RatchetTree {
    if (leafIndex < this.width) return this;
    if (leafIndex !== this.leftmostBlank()) throw outOfRange(leafIndex, this.width);
    return new RatchetTree(this.extendedTo(leafIndex + 1), this.signatureKeys, this.encryptionKeys);
  }

  /** The leaf index of the leftmost blank leaf, where {@link add} puts the next member; `width` if no leaf is blank. */
  leftmostBlank(): number {
    const { value } = blankLeaves(this.root).next();
    return typeof value === "number" ? value : this.width;
  }

  /** §12.1.1: puts a leaf node at the leftmost blank leaf, and lists it as unmerged in the parents above. O(log n) */
  add(leafNode: LeafNode): { tree: RatchetTree; leafIndex: number } {
    const leafIndex = this.leftmostBlank();
    return { tree: this.edit([{ leafIndex, node: leafNode }], addUnmerged), leafIndex };
  }

  /** §12.1.1 for each leaf node in turn, in one pass over the tree. */
  addAll(leafNodes: readonly LeafNode[]): { tree: RatchetTree; leafIndices: number[] } {
    const blanks = blankLeaves(this.root);
    let beyond = this.width;
    const edits = leafNodes.map((node) => {
      const { value } = blanks.next();
      return { leafIndex: typeof value === "number" ? value : beyond++, node };
    });
    return { tree: this.edit(edits, addUnmerged), leafIndices: edits.map((edit) => edit.leafIndex) };
  }

  /**
   * §12.1.2: replaces a member's leaf node, and blanks the parents above.
   * @throws MlsError `usage` if the leaf has no member
   */
  update(leafIndex: number, leafNode: LeafNode | undefined): RatchetTree {
    if (this.leaf(leafIndex) === undefined)
      throw new MlsError("usage", `expected the leaf index of a member, got ${leafIndex}`);
    return this.edit([{ leafIndex, node: leafNode }], blank);
  }

  /**
   * §12.1.3: blanks a member's leaf and the parents above, and truncates the tree.
   * @throws MlsError `usage` if the leaf has no member
   */
  remove(leafIndex: number): RatchetTree {
    return this.update(leafIndex, undefined);
  }

  /**
   * §7.5: puts a leaf node at a leaf, which may be blank (for an external committer), and parent nodes above it, given
   * by node index. The other parents above become blank.
   */
  withPath(leafIndex: number, leafNode: LeafNode, parents: ReadonlyMap<number, ParentNode>): RatchetTree {
    return this.edit([{ leafIndex, node: leafNode }], ({ nodeIndex }) => parents.get(nodeIndex));
  }

  /** The differences of another tree of the group from this one, in time linear in their number. */
  changesTo(other: RatchetTree): TreeChanges {
    return treeChanges(this.root, other.root);
  }

  /**
   * The tree with the changes of {@link changesTo}: the other tree. Parents change only above leaves that change.
   * @throws MlsError `usage` for leaves out of order, or beyond the tree and not adjacent: an index alone can't make
   *   the tree grow
   */
  withChanges({ leaves: edits, parents }: TreeChanges): RatchetTree {
    let previous = -1;
    for (const { leafIndex } of edits) {
      if (leafIndex <= previous) {
        throw new MlsError("usage", `leaf indices must increase, got ${leafIndex} after ${previous}`);
      }
      // Beyond the tree, only the next leaf.
      if (leafIndex > Math.max(previous + 1, this.width)) throw outOfRange(leafIndex, this.width);
      previous = leafIndex;
    }
    if (edits.length === 0) return this;
    const changed = new Map(parents.map(({ nodeIndex, node }) => [nodeIndex, node]));
    const parentEdit: ParentEdit = ({ nodeIndex, content }) =>
      changed.has(nodeIndex) ? changed.get(nodeIndex) : content;
    // A tree that is loaded builds its index of keys when it is asked for: most are never.
    return new RatchetTree(this.edited(edits, parentEdit));
  }

  /** The same, made when it is first asked for: most past epochs that are restored get no late message. */
  withChangesLater(changes: () => TreeChanges): RatchetTree {
    return new RatchetTree(() => inSavedState(() => this.withChanges(changes())).root);
  }

  /** §4.1.1: the resolution of a node, as node indices. Empty for a node out of range. */
  resolution(nodeIndex: number): readonly number[] {
    const node = this.nodeAt(nodeIndex);
    return node === undefined ? [] : resolutionOf(node);
  }

  /**
   * §4.1.2: the nodes above a leaf, from its parent to the root, without those whose child on the copath has an empty
   * resolution. The leaf may be blank, but must be in the tree.
   */
  filteredDirectPath(leafIndex: number): readonly PathStep[] {
    const path: PathStep[] = [];
    for (let node = this.root; node.kind === "parent"; ) {
      const isLeft = 2 * leafIndex < node.nodeIndex;
      const copath = isLeft ? node.right : node.left;
      if (copath.memberCount > 0) path.push({ node: node.nodeIndex, copath: copath.nodeIndex });
      node = isLeft ? node.left : node.right;
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
   * Which kind of key is in the tree twice, if any (§7.3, §12.4.3.1). `parent_key` is the encryption key of a parent
   * that another node has too. Scans the members only if an encryption key is there twice.
   */
  duplicateKey(): "signature_key" | "encryption_key" | "parent_key" | undefined {
    if (this.signatureKeys.hasRepeats) return "signature_key";
    if (!this.encryptionKeys.hasRepeats) return undefined;
    const leaves = () => Array.from(this.members(), ({ leafNode }) => leafNode.encryptionKey);
    return KeySet.of(leaves).hasRepeats ? "encryption_key" : "parent_key";
  }

  /** The leaf index of a leaf node (§12.4.3.1); `undefined` if the tree does not have an identical one. */
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

  /** §7.8: the tree hash of the root, `Nh` bytes. Only nodes without a cached hash are hashed. */
  treeHash(provider: CipherSuiteProvider): Awaitable<Uint8Array> {
    return this.root.hash ?? chain(treeHashes(provider, [this.root]), ([hash]) => hash as Uint8Array);
  }

  /**
   * §7.8: the tree hashes of nodes, `Nh` bytes each.
   * @throws ValidationError if the tree does not have one of them
   */
  nodeHashes(provider: CipherSuiteProvider, nodeIndices: readonly number[]): Awaitable<Uint8Array[]> {
    const nodes = nodeIndices.map((nodeIndex) => {
      const node = this.nodeAt(nodeIndex);
      ensure(node !== undefined, "4.1: a node must be in the tree", () => `node index ${nodeIndex}`);
      return node;
    });
    return treeHashes(provider, nodes);
  }
}

function outOfRange(leafIndex: number, width: number): MlsError {
  return new MlsError("usage", `leaf index ${leafIndex} out of range: the tree has ${width} leaves`);
}
