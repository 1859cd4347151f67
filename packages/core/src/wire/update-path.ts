// RFC 9420 §7.6: update paths.
import { opaque, struct, type TypeOf, vector } from "../codec/index.js";
import { LeafNode } from "./leaf-node.js";

/** HPKECiphertext, RFC 9420 §7.6 */
export const HPKECiphertext = struct({ kemOutput: opaque, ciphertext: opaque });
export type HPKECiphertext = TypeOf<typeof HPKECiphertext>;

/** UpdatePathNode, RFC 9420 §7.6 */
export const UpdatePathNode = struct({ encryptionKey: opaque, encryptedPathSecret: vector(HPKECiphertext) });
export type UpdatePathNode = TypeOf<typeof UpdatePathNode>;

/** UpdatePath, RFC 9420 §7.6 */
export const UpdatePath = struct({ leafNode: LeafNode, nodes: vector(UpdatePathNode) });
export type UpdatePath = TypeOf<typeof UpdatePath>;
