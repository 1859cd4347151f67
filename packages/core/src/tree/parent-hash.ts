// RFC 9420 §7.9: parent hashes.
import { EMPTY, equalBytes } from "../bytes.js";
import type { Writer } from "../codec/index.js";
import { withBuffer } from "../crypto/index.js";
import { ensure } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain, isPromise } from "../provider/index.js";
import { LeafNodeSource, ParentHashInput, type ParentNode } from "../wire/index.js";
import { OriginalHashes } from "./original-hash.js";
import type { PathStep, RatchetTree } from "./ratchet-tree.js";
import { type Hashed, hashInto } from "./tree-hash.js";
import { resolutionOf, type TreeNode, type TreeParent, treeNodeAt, widthOf } from "./tree-node.js";

/** A parent P and a descendant D, whose `parent_hash` is to be compared with P's parent hash (§7.9.2). */
interface Link extends Hashed {
  /** The node index of P. */
  readonly nodeIndex: number;
  /** P */
  readonly parent: ParentNode;
  /** The `parent_hash` field of D. */
  readonly claimed: Uint8Array;
  /** Has the original tree hash of P's child that is not above D. */
  readonly sibling: Hashed;
}

/** The `parent_hash` field of a node; `undefined` if it has none. */
function parentHashOf(node: TreeNode): Uint8Array | undefined {
  if (node.kind === "parent") return node.content?.parentHash;
  const source = node.content?.leafNodeSource;
  return source?.type === LeafNodeSource.commit ? source.parentHash : undefined;
}

/**
 * The only node D below a parent's `child` with respect to which the parent can be parent-hash valid (§7.9.2): the
 * resolution of the child must consist of D and of those unmerged leaves of the parent that are below the child.
 */
function candidate(parent: ParentNode, child: TreeNode): TreeNode | undefined {
  const unmerged = new Set(parent.unmergedLeaves.map((leafIndex) => 2 * leafIndex));
  let found: number | undefined;
  let others = 0;
  for (const nodeIndex of resolutionOf(child)) {
    if (unmerged.has(nodeIndex)) others++;
    // D would not be unique.
    else if (found !== undefined) return undefined;
    else found = nodeIndex;
  }
  if (found === undefined) return undefined;
  const reach = widthOf(child) - 1;
  let below = 0;
  for (const nodeIndex of unmerged) if (Math.abs(nodeIndex - child.nodeIndex) <= reach) below++;
  return below === others ? treeNodeAt(child, found) : undefined;
}

/** All links that are possible by the structure of the tree: at most one for each child of each parent. */
function possibleLinks(root: TreeNode, originals: OriginalHashes): { parents: TreeParent[]; links: Link[] } {
  const parents: TreeParent[] = [];
  const links: Link[] = [];
  const visit = (node: TreeNode): void => {
    if (node.kind === "leaf" || node.memberCount === 0) return;
    const { nodeIndex, content, left, right } = node;
    visit(left);
    visit(right);
    if (content === undefined) return;
    parents.push(node);
    for (const [child, sibling] of [
      [left, right],
      [right, left],
    ] as const) {
      const below = candidate(content, child);
      const claimed = below && parentHashOf(below);
      if (claimed === undefined) continue;
      links.push({
        nodeIndex,
        parent: content,
        claimed,
        sibling: originals.of(sibling, content.unmergedLeaves),
        hash: undefined,
      });
    }
  };
  visit(root);
  return { parents, links };
}

function writeLink(writer: Writer, { parent, sibling }: Link): void {
  const { encryptionKey, parentHash } = parent;
  ParentHashInput.write(writer, {
    encryptionKey,
    parentHash,
    originalSiblingTreeHash: sibling.hash as Uint8Array,
  });
}

/**
 * Verifies the parent hashes of a tree to join (§7.9.2): every non-blank parent must be parent-hash valid with respect
 * to exactly one descendant, and so be on exactly one chain that ends in a leaf. The time is linear in the size of the
 * tree and its lists of unmerged leaves.
 * @throws ValidationError
 */
export function verifyParentHashes(provider: CipherSuiteProvider, tree: RatchetTree): Awaitable<void> {
  const originals = new OriginalHashes();
  const { parents, links } = possibleLinks(tree.root, originals);
  return chain(tree.treeHash(provider), () =>
    chain(originals.compute(provider), () =>
      chain(hashInto(provider, links, writeLink), () => {
        const valid = new Map<number, number>();
        for (const { nodeIndex, claimed, hash } of links) {
          if (!equalBytes(claimed, hash as Uint8Array)) continue;
          valid.set(nodeIndex, (valid.get(nodeIndex) ?? 0) + 1);
        }
        for (const { nodeIndex } of parents) {
          ensure(
            valid.get(nodeIndex) === 1,
            "7.9.2: each non-blank parent node must be parent-hash valid by exactly one chain",
            () => `node ${nodeIndex}`,
          );
        }
      }),
    ),
  );
}

/** The parent nodes of a new path. */
export interface PathParents {
  /** The new parent nodes by node index. */
  readonly parents: ReadonlyMap<number, ParentNode>;
  /** The `parent_hash` of the leaf: `Nh` bytes, or none if the path has no nodes. */
  readonly leafParentHash: Uint8Array;
}

/**
 * §7.9: the parent nodes of a new path, with their parent hashes, which are computed from the root down to the leaf.
 * The nodes of a new path have no unmerged leaves, so the original tree hash of a sibling is its tree hash.
 *
 * @param tree the tree that the path is going to be merged into
 * @param keys the nodes' public keys, `Npk` bytes each, in the order of `path`
 */
export async function pathParents(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  path: readonly PathStep[],
  keys: readonly Uint8Array[],
): Promise<PathParents> {
  const siblings = await tree.nodeHashes(
    provider,
    path.map((step) => step.copath),
  );
  const parents = new Map<number, ParentNode>();
  let parentHash: Uint8Array = EMPTY;
  for (let i = path.length - 1; i >= 0; i--) {
    const encryptionKey = keys[i] as Uint8Array;
    parents.set((path[i] as PathStep).node, { encryptionKey, parentHash, unmergedLeaves: [] });
    const originalSiblingTreeHash = siblings[i] as Uint8Array;
    const input = { encryptionKey, parentHash, originalSiblingTreeHash };
    const hash = withBuffer(0, (writer) => {
      ParentHashInput.write(writer, input);
      return provider.hash.hash(writer.view());
    });
    parentHash = isPromise(hash) ? await hash : hash;
  }
  return { parents, leafParentHash: parentHash };
}
