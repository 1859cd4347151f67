// RFC 9420 §7.9: parent hashes.
import { EMPTY, equalBytes } from "../bytes.js";
import { Writer } from "../codec/index.js";
import { withBuffer } from "../crypto/index.js";
import { ensure } from "../errors.js";
import { type Awaitable, chain, type CipherSuiteProvider, isPromise } from "../provider/index.js";
import { LeafNodeSource, ParentHashInput, type ParentNode } from "../wire/index.js";
import { OriginalHashes } from "./original-hash.js";
import type { PathStep, RatchetTree } from "./ratchet-tree.js";
import { type Hashed, hashInto } from "./tree-hash.js";
import { resolutionOf, type TreeNode, treeNodeAt, type TreeParent } from "./tree-node.js";

/** A link of a chain that is to be verified: D's parent hash says that it was set together with the parent. */
interface Link extends Hashed {
  readonly nodeIndex: number;
  readonly parent: ParentNode;
  /** The `parent_hash` field of D. */
  readonly claimed: Uint8Array;
  /** The hash of the sibling without the leaves that are unmerged at the parent. */
  readonly sibling: Hashed;
}

/** The `parent_hash` field of a node; `undefined` for one that has none. */
function parentHashOf(treeNode: TreeNode): Uint8Array | undefined {
  if (treeNode.kind === "parent") return treeNode.node?.parentHash;
  const source = treeNode.node?.leafNodeSource;
  return source?.type === LeafNodeSource.commit ? source.parentHash : undefined;
}

/**
 * The one node that may be parent-hash valid with respect to `parent` on the side of `child`: D such that the
 * child's resolution is D and the unmerged leaves of the parent that are below the child, and nothing else.
 */
function candidate(parent: ParentNode, child: TreeNode): TreeNode | undefined {
  const unmerged = new Set(parent.unmergedLeaves.map((leafIndex) => 2 * leafIndex));
  let found: number | undefined;
  let others = 0;
  for (const nodeIndex of resolutionOf(child)) {
    if (unmerged.has(nodeIndex)) others++;
    // Two that aren't unmerged can't both be left out: no need to look further.
    else if (found !== undefined) return undefined;
    else found = nodeIndex;
  }
  if (found === undefined) return undefined;
  const reach = (child.kind === "leaf" ? 1 : child.right.nodeIndex - child.left.nodeIndex) - 1;
  let below = 0;
  for (const nodeIndex of unmerged) if (Math.abs(nodeIndex - child.nodeIndex) <= reach) below++;
  return below === others ? treeNodeAt(child, found) : undefined;
}

/** All links that the tree's structure allows: at most one from each side of each parent. */
function possibleLinks(root: TreeNode, originals: OriginalHashes): { parents: TreeParent[]; links: Link[] } {
  const parents: TreeParent[] = [];
  const links: Link[] = [];
  const visit = (treeNode: TreeNode): void => {
    if (treeNode.kind === "leaf" || treeNode.memberCount === 0) return;
    visit(treeNode.left);
    visit(treeNode.right);
    const { node, left, right } = treeNode;
    if (node === undefined) return;
    parents.push(treeNode);
    for (const [child, sibling] of [
      [left, right],
      [right, left],
    ] as const) {
      const below = candidate(node, child);
      const claimed = below && parentHashOf(below);
      if (claimed === undefined) continue;
      links.push({
        nodeIndex: treeNode.nodeIndex,
        parent: node,
        claimed,
        sibling: originals.of(sibling, node.unmergedLeaves),
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
 * §7.9.2, for a join: every non-blank parent has exactly one descendant with respect to which it is
 * parent-hash valid, and so is on exactly one chain that ends in a leaf. Linear in the size of the tree and
 * its lists of unmerged leaves; all hashes of a level go to the provider together.
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

/** What a new path says of the nodes above a leaf. */
export interface PathParents {
  /** The new parent nodes by node index. */
  readonly parents: ReadonlyMap<number, ParentNode>;
  /** What the leaf's `parent_hash` must be. */
  readonly leafParentHash: Uint8Array;
}

/**
 * §7.9: the nodes of a new path, with their parent hashes, which are computed from the root to the leaf. As
 * the path resets the unmerged leaves of its nodes, a sibling's original tree hash is its tree hash in `tree`,
 * the tree that the path is going to be merged into.
 *
 * @param keys the nodes' public keys, in the order of `path`
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
  let parentHash = EMPTY;
  for (let i = path.length - 1; i >= 0; i--) {
    const encryptionKey = keys[i] as Uint8Array;
    parents.set((path[i] as PathStep).node, { encryptionKey, parentHash, unmergedLeaves: [] });
    const originalSiblingTreeHash = siblings[i] as Uint8Array;
    const input = new Writer();
    ParentHashInput.write(input, { encryptionKey, parentHash, originalSiblingTreeHash });
    const hash = withBuffer(input, (written) => provider.hash.hash(written.view()));
    parentHash = isPromise(hash) ? await hash : hash;
  }
  return { parents, leafParentHash: parentHash };
}
