// RFC 9420 §4, §7, §12.4.3.3: the ratchet tree.
export * from "./credential.js";
export * from "./extension.js";
export * from "./leaf-node.js";
export * from "./leaf-node-signature.js";
export * from "./leaf-node-validation.js";
export * from "./math.js";
export { verifyParentHashes } from "./parent-hash.js";
export * from "./parent-node.js";
export { type PathStep, RatchetTree, type TreeChanges } from "./ratchet-tree.js";
export type { LeafEdit, ParentChange } from "./slot.js";
export type { TreeSummary } from "./summary.js";
export { keysFromPathSecret, pruneKeys, type TreeKeys } from "./tree-keys.js";
export * from "./treekem.js";
export * from "./update-path.js";
