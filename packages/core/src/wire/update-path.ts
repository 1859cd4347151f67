// RFC 9420 §7.6: update paths.
import { opaque, opaqueOf, struct, type TypeOf, vector } from "../codec/index.js";
import { LeafNode } from "./leaf-node.js";
import { MAX_PATH_NODES, MIN_HPKE_SIZE } from "./limits.js";

const sealed = /* @__PURE__ */ opaqueOf({ min: MIN_HPKE_SIZE });

/** HPKECiphertext, RFC 9420 §7.6 */
export const HPKECiphertext = struct({ kemOutput: sealed, ciphertext: sealed });
export type HPKECiphertext = TypeOf<typeof HPKECiphertext>;

/** UpdatePathNode, RFC 9420 §7.6 */
export const UpdatePathNode = struct({ encryptionKey: opaque, encryptedPathSecret: vector(HPKECiphertext) });
export type UpdatePathNode = TypeOf<typeof UpdatePathNode>;

/** UpdatePath, RFC 9420 §7.6 */
export const UpdatePath = struct({ leafNode: LeafNode, nodes: vector(UpdatePathNode, MAX_PATH_NODES) });
export type UpdatePath = TypeOf<typeof UpdatePath>;
