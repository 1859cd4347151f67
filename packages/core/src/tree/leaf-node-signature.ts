// RFC 9420 §7.2: the signature of a leaf node.
import { equalBytes } from "../bytes.js";
import { encode, vectorSize, Writer } from "../codec/index.js";
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
    throw new MlsError("usage", "a leaf node of source update or commit needs a group ID and a leaf index");
  }
  const writer = new Writer(fields.length + vectorSize(context.groupId) + 4, true);
  writer.raw(fields);
  LeafNodeContext.write(writer, context);
  return writer.finish();
}

/**
 * Encodes LeafNodeTBS (§7.2).
 * @param context the group and the leaf; required for a source of `update` or `commit`, and ignored for `key_package`
 * @throws MlsError `usage` if the context is required and missing
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
 * The request that verifies the signature of a leaf node (§7.2), for a batch. A leaf node of source `key_package`
 * needs no `groupId` and `leafIndex`.
 * @throws MlsError `usage` if they are required and missing
 */
export function leafNodeVerifyRequest(
  leafNode: LeafNode,
  groupId?: Uint8Array,
  leafIndex?: number,
): VerifyRequest {
  const { signatureKey, signature, leafNodeSource } = leafNode;
  // The fields are the remembered encoding without the signature at its end.
  const encoding = LeafNode.encoding(leafNode);
  const fields = encoding.subarray(0, encoding.length - vectorSize(signature));
  const context = groupId === undefined || leafIndex === undefined ? undefined : { groupId, leafIndex };
  return verifyRequest(signatureKey, LABEL, withContext(fields, leafNodeSource, context), signature);
}
