// RFC 9420 §8, §9: the key schedule and the secret tree.
export * from "./key-schedule.js";
export * from "./leaf-secrets.js";
export type { PeekedKey } from "./peeked-key.js";
export * from "./ratchet.js";
export * from "./ratchet-limits.js";
export * from "./secret-pieces.js";
export * from "./secret-tree.js";
export * from "./secret-tree-state.js";
export * from "./transcript.js";
