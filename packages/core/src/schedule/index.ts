// RFC 9420 §8, §9: the key schedule and the secret tree.
export * from "./group-context.js";
export * from "./key-schedule.js";
export * from "./psk-id.js";
export type { MessageKey } from "./ratchet.js";
export {
  DEFAULT_RATCHET_LIMITS,
  type PeekedKey,
  type RatchetKind,
  type RatchetLimits,
  SecretTree,
} from "./secret-tree.js";
export * from "./transcript.js";
