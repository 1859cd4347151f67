// RFC 9420 §4, §7, §12.4.3.3: the ratchet tree.
export * from "./credential.js";
export * from "./extension.js";
export * from "./leaf-node.js";
export * from "./math.js";
export * from "./parent-node.js";
export { type PathStep, RatchetTree } from "./ratchet-tree.js";
export type { TreeSummary } from "./summary.js";
export * from "./update-path.js";
