// RFC 9420 §7.2, §7.3: signing leaf nodes, and what a leaf node must be by itself.
import { concat, EMPTY, equalBytes } from "../bytes.js";
import { encode, vectorSize } from "../codec/index.js";
import { signWithLabel, verifyRequest } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import { type Awaitable, chain, type Signer, type VerifyRequest } from "../provider/index.js";
import { ExtensionType, LeafNode, LeafNodeContext, LeafNodeSource, UnsignedLeafNode } from "../wire/index.js";
import { supportOf } from "./summary.js";

const LABEL = "LeafNodeTBS";

/** What LeafNodeTBS has after the fields of the leaf node. */
function contextOf(
  source: UnsignedLeafNode["leafNodeSource"],
  context: LeafNodeContext | undefined,
): Uint8Array {
  if (source.type === LeafNodeSource.keyPackage) return EMPTY;
  if (context === undefined) {
    throw new MlsError("usage", "a leaf node of source update or commit needs a group ID and a leaf index");
  }
  return encode(LeafNodeContext, context);
}

/**
 * Encodes LeafNodeTBS (§7.2).
 * @param context the group and the leaf; required for a source of `update` or `commit`, and ignored for `key_package`
 * @throws MlsError `usage` if the context is required and missing
 */
export function leafNodeTBS(leafNode: UnsignedLeafNode, context: LeafNodeContext | undefined): Uint8Array {
  return concat(encode(UnsignedLeafNode, leafNode), contextOf(leafNode.leafNodeSource, context));
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
  return verifyRequest(signatureKey, LABEL, [fields, contextOf(leafNodeSource, context)], signature);
}

/** The extension types that every client supports and `capabilities` do not list (§7.2). */
export const DEFAULT_EXTENSIONS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(ExtensionType));

/** How the lifetime of a leaf node of source `key_package` is checked. */
export interface LifetimeRule {
  /** The current time in seconds since the Unix epoch. Default: it is not compared with the lifetime. */
  readonly now?: bigint | undefined;
  /** The longest total lifetime to accept, in seconds. */
  readonly maxLifetime: bigint;
}

/** §7.2, §7.3: checks the lifetime of a leaf node, if it has one. @throws ValidationError */
export function checkLifetime({ leafNodeSource }: LeafNode, { now, maxLifetime }: LifetimeRule): void {
  if (leafNodeSource.type !== LeafNodeSource.keyPackage) return;
  const { notBefore, notAfter } = leafNodeSource.lifetime;
  ensure(
    notAfter >= notBefore && notAfter - notBefore <= maxLifetime,
    "7.2: a LeafNode whose total lifetime is longer than the application's maximum must be rejected",
    () => `expected at most ${maxLifetime} seconds, got ${notBefore} to ${notAfter}`,
  );
  ensure(
    now === undefined || (notBefore <= now && now <= notAfter),
    "7.3: the current time must be within the lifetime",
    () => `expected a lifetime that contains ${now}, got ${notBefore} to ${notAfter}`,
  );
}

const SOURCES = { 1: "key_package", 2: "update", 3: "commit" } as const;

/**
 * Checks the rules of §7.3 that need only the leaf node. The caller must check its signature, its credential, and that
 * its keys are unique in the tree.
 * @param source the expected `leaf_node_source`; `undefined` accepts any, as in the tree of a group to join
 * @param lifetime `undefined` accepts any lifetime
 * @throws ValidationError
 */
export function checkLeafNode(
  leafNode: LeafNode,
  source: LeafNode["leafNodeSource"]["type"] | undefined,
  lifetime: LifetimeRule | undefined,
): void {
  const { credential, extensions, leafNodeSource } = leafNode;
  const supported = supportOf(leafNode);
  ensure(
    source === undefined || leafNodeSource.type === source,
    "7.3: leaf_node_source must fit the message that the leaf node comes in",
    () => `expected ${source && SOURCES[source]}, got ${SOURCES[leafNodeSource.type]}`,
  );
  ensure(
    supported.credentials.has(credential.credentialType),
    "7.2: the credential type used in the LeafNode must be in its capabilities",
    () => `credential type ${credential.credentialType}`,
  );
  for (const { extensionType } of extensions) {
    ensure(
      DEFAULT_EXTENSIONS.has(extensionType) || supported.extensions.has(extensionType),
      "7.3: each extension of the LeafNode must be in its capabilities",
      () => `extension type ${extensionType}`,
    );
  }
  if (lifetime !== undefined) checkLifetime(leafNode, lifetime);
}
