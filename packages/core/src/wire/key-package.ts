// RFC 9420 §10: key packages.
import { opaque, remembered, struct, type TypeOf, uint16 } from "../codec/index.js";
import { Extensions } from "./extension.js";
import { LeafNode, protocolVersion } from "./leaf-node.js";

const unsigned = {
  version: protocolVersion,
  cipherSuite: uint16,
  initKey: opaque,
  leafNode: LeafNode,
  extensions: Extensions,
};

/** KeyPackageTBS, RFC 9420 §10 */
export const KeyPackageTBS = struct(unsigned);
export type KeyPackageTBS = TypeOf<typeof KeyPackageTBS>;

/** KeyPackage, RFC 9420 §10 */
export const KeyPackage = remembered(struct({ ...unsigned, signature: opaque }));
export type KeyPackage = TypeOf<typeof KeyPackage>;
