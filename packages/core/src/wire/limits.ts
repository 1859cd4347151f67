// RFC 9420 §16: how long lists, identifiers and key packages may be. The numbers are fixed, because they decide what is well-formed:
// for all clients alike (docs/decisions/limits.md).
import { opaqueOf } from "../codec/index.js";

/** The size of a group ID, and of a PSK ID, in bytes. */
export const MAX_ID_SIZE = 1024;
/** Extensions in one list. */
export const MAX_EXTENSIONS = 128;
/** Values in each list of `capabilities` and of `required_capabilities`. */
export const MAX_CAPABILITIES = 1024;
/** Certificates in a credential. */
export const MAX_CERTIFICATES = 64;
/** Entries of `external_senders`. */
export const MAX_EXTERNAL_SENDERS = 256;
/** Pre-shared keys in a commit, and so in a Welcome. */
export const MAX_PSKS = 256;
/** Nodes of an update path: no tree is deeper, because a leaf index has 32 bits (§7.8). */
export const MAX_PATH_NODES = 32;
/** The smallest encapsulated key of a KEM, and the smallest encrypted secret, in bytes: an AEAD's tag alone has 16. */
export const MIN_HPKE_SIZE = 16;
/** The smallest reference (§5.2), in bytes: no suite has a shorter hash. */
export const MIN_REFERENCE_SIZE = 32;
/** The size of a key package in an MLSMessage, in bytes. */
export const MAX_KEY_PACKAGE_SIZE = 128 * 1024;

/** A group ID, or a PSK ID. */
export const identifier = /* @__PURE__ */ opaqueOf({ max: MAX_ID_SIZE });
