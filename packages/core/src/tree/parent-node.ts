// RFC 9420 §7.1, §7.8, §12.4.3.3: parent nodes, and the two kinds of node in a tree.
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
