// RFC 9420 §7.8: tree hashes.
import { opaque, type Writer } from "../codec/index.js";
import { hashAll, repeat, withBuffer } from "../crypto/index.js";
import { type Awaitable, type CipherSuiteProvider, chain, type HashPart } from "../provider/index.js";
import { NodeType, TreeHashInput } from "../wire/index.js";
import { level } from "./math.js";
import { type TreeLeaf, type TreeNode, type TreeParent, widthOf } from "./tree-node.js";

/** An object that caches its hash. */
export interface Hashed {
  /** `Nh` bytes, once computed. */
  hash: Uint8Array | undefined;
}

/** The most inputs in one call to the provider, which limits the memory for their encodings. */
const BATCH = 2048;

/** Calls `step` for each item in turn. Waits for a step only if it returns a promise. */
function inOrder<T>(items: readonly T[], step: (item: T) => Awaitable<void>): Awaitable<void> {
  let next = 0;
  return repeat(() => next < items.length && chain(step(items[next++] as T), () => true));
}

/** Writes the input of a target's hash. */
type WriteInput<T> = (writer: Writer, target: T) => void;

/** The hashes of all targets, whose inputs are written to one working buffer. */
function hashesOf<T>(
  provider: CipherSuiteProvider,
  targets: readonly T[],
  write: WriteInput<T>,
): Awaitable<Uint8Array[]> {
  return withBuffer(0, (writer) => {
    const ends = targets.map((target) => {
      write(writer, target);
      return writer.position;
    });
    return hashAll(
      provider,
      ends.map((end, i) => writer.view(ends[i - 1], end)),
    );
  });
}

/** Computes and caches the hashes of targets that do not depend on each other. */
export function hashInto<T extends Hashed>(
  provider: CipherSuiteProvider,
  targets: readonly T[],
  write: WriteInput<T>,
): Awaitable<void> {
  const [first] = targets;
  if (first !== undefined && targets.length === 1) {
    return chain(hashesOf(provider, targets, write), ([hash]) => {
      first.hash = new Uint8Array(hash as Uint8Array);
    });
  }
  const starts: number[] = [];
  for (let start = 0; start < targets.length; start += BATCH) starts.push(start);
  return inOrder(starts, (start) => {
    const batch = targets.slice(start, start + BATCH);
    return chain(hashesOf(provider, batch, write), (hashes) => {
      // All hashes in one array, because an array of its own takes several times the memory of a hash.
      const { Nh } = provider.suite.hash;
      const packed = new Uint8Array(Nh * hashes.length);
      for (let i = 0; i < hashes.length; i++) {
        packed.set(hashes[i] as Uint8Array, Nh * i);
        (batch[i] as T).hash = packed.subarray(Nh * i, Nh * (i + 1));
      }
    });
  });
}

/** Computes and caches the hashes of targets level by level. They may depend on targets of the levels before. */
export function hashLevels<T extends Hashed>(
  provider: CipherSuiteProvider,
  levels: readonly (readonly T[])[],
  write: WriteInput<T>,
): Awaitable<void> {
  return inOrder(levels, (targets) => hashInto(provider, targets, write));
}

/** The level of the smallest blank subtree that is hashed without its nodes: 64 leaves. */
const BLANK_LEVEL = 6;

/** Collects the nodes without a cached hash, by level, and large blank subtrees. */
function collect(node: TreeNode, levels: TreeNode[][], blanks: TreeNode[]): void {
  if (node.hash !== undefined) return;
  if (node.memberCount === 0 && level(node.nodeIndex) >= BLANK_LEVEL) {
    blanks.push(node);
    return;
  }
  if (node.kind === "parent") {
    collect(node.left, levels, blanks);
    collect(node.right, levels, blanks);
  }
  const height = level(node.nodeIndex);
  while (levels.length <= height) levels.push([]);
  (levels[height] as TreeNode[]).push(node);
}

// The inputs of {@link TreeHashInput} for blank nodes. The codec would take as long as the hash function.

function writeBlankLeaf(writer: Writer, leafIndex: number): void {
  writer.uint8(NodeType.leaf);
  writer.uint32(leafIndex);
  writer.uint8(0);
}

function writeBlankParent(writer: Writer, leftHash: Uint8Array, rightHash: Uint8Array): void {
  writer.uint8(NodeType.parent);
  writer.uint8(0);
  opaque.write(writer, leftHash);
  opaque.write(writer, rightHash);
}

/** The hash of a blank subtree depends on its place alone. Those of places up to this node index are remembered. */
const MAX_REMEMBERED = 2 ** 16;

/**
 * By the root's node index: a thousand at most. Else everybody could make a client hash, again and again, a tree of
 * which each node is a byte.
 */
const blankHashes = /* @__PURE__ */ new WeakMap<HashPart, Map<number, Uint8Array>>();

function blankHashesOf({ hash }: CipherSuiteProvider): Map<number, Uint8Array> {
  const known = blankHashes.get(hash) ?? new Map<number, Uint8Array>();
  blankHashes.set(hash, known);
  return known;
}

/** Computes and caches the hash of a blank subtree, and keeps of the nodes below it only those beside its first leaf. */
function hashBlank(provider: CipherSuiteProvider, root: TreeNode): Awaitable<void> {
  const { Nh } = provider.suite.hash;
  const remembered = blankHashesOf(provider);
  const known = remembered.get(root.nodeIndex);
  if (known !== undefined) {
    root.hash = known;
    return;
  }
  const width = widthOf(root);
  const first = (root.nodeIndex + 1 - width) / 2;
  /** The first two hashes of each level. */
  const firsts: [Uint8Array, Uint8Array][] = [];
  /** The hashes of the level below, one after the other. */
  let below = new Uint8Array(0);
  const write = (writer: Writer, i: number) => {
    if (below.length === 0) {
      writeBlankLeaf(writer, first + i);
    } else {
      writeBlankParent(
        writer,
        below.subarray(Nh * 2 * i, Nh * (2 * i + 1)),
        below.subarray(Nh * (2 * i + 1), Nh * (2 * i + 2)),
      );
    }
  };
  const levels = Array.from({ length: level(root.nodeIndex) + 1 }, (_, height) => width >> height);
  const hashLevel = (count: number): Awaitable<void> => {
    const hashes = new Uint8Array(Nh * count);
    const starts = Array.from({ length: Math.ceil(count / BATCH) }, (_, i) => i * BATCH);
    const done = inOrder(starts, (start) => {
      const targets = Array.from({ length: Math.min(BATCH, count - start) }, (_, i) => start + i);
      return chain(hashesOf(provider, targets, write), (batch) => {
        for (const [i, hash] of batch.entries()) hashes.set(hash, Nh * (start + i));
      });
    });
    return chain(done, () => {
      below = hashes;
      const leaves = width / count;
      for (let i = 0; leaves >= 2 ** BLANK_LEVEL && i < count; i++) {
        const nodeIndex = 2 * (first + leaves * i) + leaves - 1;
        if (nodeIndex < MAX_REMEMBERED) remembered.set(nodeIndex, hashes.slice(Nh * i, Nh * (i + 1)));
      }
      firsts.push([hashes.slice(0, Nh), hashes.slice(Nh, 2 * Nh)]);
    });
  };
  return chain(inOrder(levels, hashLevel), () => {
    root.hash = below;
    // The next member gets the leftmost leaf: the hashes beside its path are wanted again.
    firsts.pop();
    for (let node = root; node.kind === "parent"; node = node.left) {
      [node.left.hash, node.right.hash] = firsts.pop() as [Uint8Array, Uint8Array];
    }
  });
}

/** Writes the input of a leaf's hash. */
export function writeLeaf(writer: Writer, { nodeIndex }: TreeNode, leafNode: TreeLeaf["content"]): void {
  TreeHashInput.write(writer, { nodeType: NodeType.leaf, leafIndex: nodeIndex / 2, leafNode });
}

/** Writes the input of a parent's hash. The hashes of its children must be computed. */
export function writeParent(
  writer: Writer,
  parentNode: TreeParent["content"],
  left: Hashed,
  right: Hashed,
): void {
  const [leftHash, rightHash] = [left.hash as Uint8Array, right.hash as Uint8Array];
  TreeHashInput.write(writer, { nodeType: NodeType.parent, parentNode, leftHash, rightHash });
}

function writeInput(writer: Writer, node: TreeNode): void {
  if (node.kind === "leaf") writeLeaf(writer, node, node.content);
  else writeParent(writer, node.content, node.left, node.right);
}

/** The tree hashes (§7.8) of subtrees, `Nh` bytes each. Only nodes without a cached hash are hashed. */
export function treeHashes(
  provider: CipherSuiteProvider,
  roots: readonly TreeNode[],
): Awaitable<Uint8Array[]> {
  const levels: TreeNode[][] = [];
  const blanks: TreeNode[] = [];
  for (const root of roots) collect(root, levels, blanks);
  return chain(
    inOrder(blanks, (root) => hashBlank(provider, root)),
    () => chain(hashLevels(provider, levels, writeInput), () => roots.map(({ hash }) => hash as Uint8Array)),
  );
}
