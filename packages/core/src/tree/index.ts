// RFC 9420 §4, §7, §12.4.3.3: the ratchet tree.
export {
  checkLeafNode,
  checkLifetime,
  DEFAULT_EXTENSIONS,
  type LifetimeRule,
  leafNodeVerifyRequest,
  signLeafNode,
} from "./leaf-node.js";
export { commonAncestor } from "./math.js";
export { verifyParentHashes } from "./parent-hash.js";
export { RatchetTree } from "./ratchet-tree.js";
export { supportOf } from "./summary.js";
export { keysFromPathSecret, NO_KEY, pruneKeys, type TreeKeys } from "./tree-keys.js";
export type { TreeSummary } from "./tree-node.js";
export { type CreatedUpdatePath, createUpdatePath, decryptPathSecret, mergeUpdatePath } from "./treekem.js";
