// RFC 9420 §7.1, §7.8, §7.9, §12.4.3.3: the nodes of a ratchet tree, and the inputs of its hashes.
import { opaque, optional, struct, type TypeOf, uint8, uint32, variant, vector } from "../codec/index.js";
import { LeafNode } from "./leaf-node.js";

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
