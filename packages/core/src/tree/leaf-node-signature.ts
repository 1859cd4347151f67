// RFC 9420 §7.2: what the signature of a leaf node covers.
import { equalBytes } from "../bytes.js";
import { encode, varintSize, Writer } from "../codec/index.js";
import { signWithLabel, verifyRequest } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, chain, type Signer, type VerifyRequest } from "../provider/index.js";
import { LeafNode, LeafNodeContext, LeafNodeSource, UnsignedLeafNode } from "../wire/index.js";

const LABEL = "LeafNodeTBS";

function withContext(
  fields: Uint8Array,
  source: UnsignedLeafNode["leafNodeSource"],
  context: LeafNodeContext | undefined,
): Uint8Array {
  if (source.type === LeafNodeSource.keyPackage) return fields;
  if (context === undefined) {
    throw new MlsError("usage", "a leaf node of source update or commit is signed for a group and a leaf");
  }
  const { length } = context.groupId;
  const writer = new Writer(fields.length + varintSize(length) + length + 4, true);
  writer.raw(fields);
  LeafNodeContext.write(writer, context);
  return writer.finish();
}

/**
 * LeafNodeTBS (§7.2), encoded. `context` is the group and the leaf that a node of source `update` or `commit`
 * is for, and is left out of one for a key package.
 * @throws MlsError `usage` if the context is needed and not there
 */
export function leafNodeTBS(leafNode: UnsignedLeafNode, context: LeafNodeContext | undefined): Uint8Array {
  return withContext(encode(UnsignedLeafNode, leafNode), leafNode.leafNodeSource, context);
}

/**
 * Signs a leaf node (§7.2).
 * @throws MlsError `usage` if the node's `signature_key` isn't the signer's, or the context is missing
 */
export function signLeafNode(
  signer: Signer,
  unsigned: UnsignedLeafNode,
  context?: LeafNodeContext,
): Awaitable<LeafNode> {
  if (!equalBytes(signer.publicKey, unsigned.signatureKey)) {
    throw new MlsError("usage", "the leaf node's signature_key must be the signer's public key");
  }
  return chain(signWithLabel(signer, LABEL, leafNodeTBS(unsigned, context)), (signature) => ({
    ...unsigned,
    signature,
  }));
}

/**
 * What verifying a leaf node's signature asks of the provider, for batches. For a node from a key package
 * that is in no group yet, `groupId` and `leafIndex` may be left out.
 * @throws MlsError `usage` if the node's source needs them
 */
export function leafNodeVerifyRequest(
  leafNode: LeafNode,
  groupId?: Uint8Array,
  leafIndex?: number,
): VerifyRequest {
  const { signatureKey, signature, leafNodeSource } = leafNode;
  // The node's encoding is remembered: what is signed is all of it before the signature.
  const encoding = LeafNode.encoding(leafNode);
  const header = varintSize(signature.length);
  const fields = encoding.subarray(0, encoding.length - signature.length - header);
  const context = groupId === undefined || leafIndex === undefined ? undefined : { groupId, leafIndex };
  return verifyRequest(signatureKey, LABEL, withContext(fields, leafNodeSource, context), signature);
}
