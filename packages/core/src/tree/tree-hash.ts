// RFC 9420 §7.8: tree hashes.
import { Writer } from "../codec/index.js";
import { hashAll, withBuffer } from "../crypto/index.js";
import { type Awaitable, chain, type CipherSuiteProvider, isPromise } from "../provider/index.js";
import { NodeType, TreeHashInput } from "../wire/index.js";
import { level } from "./math.js";
import type { TreeNode } from "./tree-node.js";

/** Something that remembers its hash. */
export interface Hashed {
  hash: Uint8Array | undefined;
}

/** How many inputs are encoded and handed over at once: enough to keep any backend busy, little to hold. */
const BATCH = 2048;

/** Calls `step` for one item after the other, each when the one before is done; at once if none answers later. */
function inOrder<T>(items: readonly T[], step: (item: T) => Awaitable<void>, from = 0): Awaitable<void> {
  for (let i = from; i < items.length; i++) {
    const done = step(items[i] as T);
    if (isPromise(done)) return done.then(() => inOrder(items, step, i + 1));
  }
}

/** Writes what is hashed for a target. */
type WriteInput<T> = (writer: Writer, target: T) => void;

/** The hashes of what is written for each target, all of it in one working buffer. */
function hashesOf<T>(
  provider: CipherSuiteProvider,
  targets: readonly T[],
  write: WriteInput<T>,
): Awaitable<Uint8Array[]> {
  return withBuffer(new Writer(), (writer) => {
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

/** Hashes what is written for each target, and has the target remember it. Targets don't depend on each other. */
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
      // In memory that they share: what manages memory of its own is several times as large as a hash.
      const { Nh } = provider.suite.hash;
      const packed = new Uint8Array(Nh * hashes.length);
      for (let i = 0; i < hashes.length; i++) {
        packed.set(hashes[i] as Uint8Array, Nh * i);
        (batch[i] as T).hash = packed.subarray(Nh * i, Nh * (i + 1));
      }
    });
  });
}

/** Hashes targets level by level: those of a level may depend on those of the levels before. */
export function hashLevels<T extends Hashed>(
  provider: CipherSuiteProvider,
  levels: readonly (readonly T[])[],
  write: WriteInput<T>,
): Awaitable<void> {
  return inOrder(levels, (targets) => hashInto(provider, targets, write));
}

function collect(treeNode: TreeNode, levels: TreeNode[][]): void {
  if (treeNode.hash !== undefined) return;
  if (treeNode.kind === "parent") {
    collect(treeNode.left, levels);
    collect(treeNode.right, levels);
  }
  (levels[level(treeNode.nodeIndex)] as TreeNode[]).push(treeNode);
}

function writeInput(writer: Writer, treeNode: TreeNode): void {
  TreeHashInput.write(
    writer,
    treeNode.kind === "leaf"
      ? { nodeType: NodeType.leaf, leafIndex: treeNode.nodeIndex / 2, leafNode: treeNode.node }
      : {
          nodeType: NodeType.parent,
          parentNode: treeNode.node,
          leftHash: treeNode.left.hash as Uint8Array,
          rightHash: treeNode.right.hash as Uint8Array,
        },
  );
}

/** The tree hashes of these subtrees. Only treeNodes without a remembered hash are hashed, level by level. */
export function treeHashes(
  provider: CipherSuiteProvider,
  roots: readonly TreeNode[],
): Awaitable<Uint8Array[]> {
  const hashes = () => roots.map(({ hash }) => hash as Uint8Array);
  if (roots.every(({ hash }) => hash !== undefined)) return hashes();
  const top = roots.reduce((highest, root) => Math.max(highest, level(root.nodeIndex)), 0);
  const levels: TreeNode[][] = Array.from({ length: top + 1 }, () => []);
  for (const root of roots) collect(root, levels);
  return chain(hashLevels(provider, levels, writeInput), hashes);
}
