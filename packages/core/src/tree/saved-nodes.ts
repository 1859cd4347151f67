// RFC 9420 §4.1: the nodes of a ratchet tree in a saved state, in a format of this library. A subtree is one piece, so that
// it is found, copied and skipped as such: a node is decoded when it is first asked for, and its subtrees after it.
import { EMPTY } from "../bytes.js";
import { opaque, optional, Reader, type Writer } from "../codec/index.js";
import { inSavedState, MlsError } from "../errors.js";
import { LeafNode, ParentNode } from "../wire/index.js";
import { level, rootIndex } from "./math.js";
import { checkUnmerged } from "./node-list.js";
import { blankSubtree, type ParentParts, TreeLeaf, type TreeNode, TreeParent } from "./tree-node.js";

/**
 * From this level on, a node has its tree hash with it: 8 leaves, so that it takes 8 bytes a member. The few hashes below
 * a path's copath are computed again.
 */
const HASHED_LEVEL = 3;
/** The most levels above the leaves: leaf indices are below 2^30. */
const MAX_LEVEL = 30;

const content = optional(ParentNode);

/**
 * Writes a subtree: nothing for a blank one; the encoding of a leaf; for a parent the number of members, its hash, its
 * content, the left subtree with its length, and the right one.
 */
export function writeSubtree(writer: Writer, node: TreeNode): void {
  if (node.memberCount === 0) return;
  if (node.saved !== undefined) writer.raw(node.saved);
  else if (node.kind === "leaf") LeafNode.write(writer, node.content as LeafNode);
  else {
    writer.varint(node.memberCount);
    opaque.write(writer, (level(node.nodeIndex) >= HASHED_LEVEL && node.hash) || EMPTY);
    content.write(writer, node.content);
    writer.sized(() => writeSubtree(writer, node.left));
    writeSubtree(writer, node.right);
  }
}

function check(holds: boolean): void {
  if (!holds) throw new MlsError("state", "invalid saved tree");
}

/** The root of a tree: its level is before it. @throws DecodeError, MlsError `state` */
export function readTree(bytes: Uint8Array): TreeNode {
  const height = bytes[0] ?? 0;
  check(bytes.length > 1 && height <= MAX_LEVEL);
  return readSubtree(bytes.subarray(1), 0, 2 ** height);
}

/** A subtree with `width` leaves, the first of them at leaf index `start`. */
function readSubtree(saved: Uint8Array, start: number, width: number): TreeNode {
  if (saved.length === 0) return blankSubtree(start, width);
  const nodeIndex = 2 * start + rootIndex(width);
  if (width === 1) return new TreeLeaf(nodeIndex, undefined, saved);
  const reader = new Reader(saved);
  const members = reader.varint();
  check(members > 0);
  const hash = opaque.read(reader);
  const parts = () => inSavedState(() => readParts(reader, start, width, members));
  return new TreeParent(nodeIndex, members, parts, saved, hash.length === 0 ? undefined : hash);
}

/** Checks only what others rely on: a lying number of members, or a leaf elsewhere, would lead them to what isn't there. */
function readParts(header: Reader, start: number, width: number, members: number): ParentParts {
  const { bytes, offset } = header;
  const reader = new Reader(bytes, undefined, offset);
  const node = content.read(reader);
  const half = width / 2;
  const left = readSubtree(reader.take(reader.uint32()), start, half);
  const right = readSubtree(reader.take(reader.remaining), start + half, half);
  check(left.memberCount + right.memberCount === members);
  if (node !== undefined) checkUnmerged(node.unmergedLeaves, 2 * start + rootIndex(width));
  return { content: node, left, right };
}
