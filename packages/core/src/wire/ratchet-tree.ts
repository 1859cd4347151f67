// RFC 9420 §7.1, §7.8, §7.9, §12.4.3.3: the nodes of a ratchet tree, and the inputs of its hashes.
import {
  opaque,
  optional,
  Reader,
  skip,
  struct,
  type TypeOf,
  uint8,
  uint32,
  variant,
  vector,
} from "../codec/index.js";
import { LeafNode, leafSignatureKey } from "./leaf-node.js";

/** ParentNode, RFC 9420 §7.1 */
export const ParentNode = struct({
  encryptionKey: opaque,
  parentHash: opaque,
  unmergedLeaves: vector(uint32),
});
export type ParentNode = TypeOf<typeof ParentNode>;

/** RFC 9420 §7.8 */
export const NodeType = { leaf: 1, parent: 2 } as const;

/** Node, RFC 9420 §12.4.3.3 */
export const Node = variant("nodeType", uint8, {
  [NodeType.leaf]: struct({ leafNode: LeafNode }),
  [NodeType.parent]: struct({ parentNode: ParentNode }),
});
export type Node = TypeOf<typeof Node>;

/** `optional<Node> ratchet_tree<V>`, RFC 9420 §12.4.3.3 */
export const RatchetTreeNodes = vector(optional(Node));
export type RatchetTreeNodes = TypeOf<typeof RatchetTreeNodes>;

/** What a list of nodes holds, as far as that is known without decoding them. */
export interface TreePeek {
  /** The number of nodes, blank ones included. */
  readonly nodes: number;
  /** The number of non-blank leaves. */
  readonly members: number;
  /** That of one leaf; `undefined` if the list has no such leaf, or it is blank. */
  readonly signatureKey: Uint8Array | undefined;
}

/**
 * Looks into an encoded `ratchet_tree` for the key of one leaf, and for its size. So a GroupInfo is verified before its
 * tree is decoded.
 * @throws DecodeError if the nodes can't be told apart
 */
export function peekTree(bytes: Uint8Array, leafIndex: number): TreePeek {
  const whole = new Reader(bytes);
  const reader = whole.vector();
  whole.finish();
  let [nodes, members] = [0, 0];
  let signatureKey: Uint8Array | undefined;
  for (; ; nodes++) {
    // A blank node is one zero.
    nodes += reader.zeros();
    if (reader.remaining === 0) break;
    reader.uint8();
    if (reader.uint8() !== NodeType.leaf) {
      skip(ParentNode, reader);
      continue;
    }
    members++;
    if (nodes === 2 * leafIndex) {
      signatureKey = leafSignatureKey(new Reader(bytes, undefined, reader.offset));
    }
    skip(LeafNode, reader);
  }
  return { nodes, members, signatureKey };
}

/** LeafNodeHashInput, RFC 9420 §7.8 */
export const LeafNodeHashInput = struct({ leafIndex: uint32, leafNode: optional(LeafNode) });

/** ParentNodeHashInput, RFC 9420 §7.8 */
export const ParentNodeHashInput = struct({
  parentNode: optional(ParentNode),
  leftHash: opaque,
  rightHash: opaque,
});

/** TreeHashInput, RFC 9420 §7.8 */
export const TreeHashInput = variant("nodeType", uint8, {
  [NodeType.leaf]: LeafNodeHashInput,
  [NodeType.parent]: ParentNodeHashInput,
});

/** ParentHashInput, RFC 9420 §7.9 */
export const ParentHashInput = struct({
  encryptionKey: opaque,
  parentHash: opaque,
  originalSiblingTreeHash: opaque,
});
