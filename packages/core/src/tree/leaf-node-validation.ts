// RFC 9420 §7.3: the validation of a leaf node by itself, independent of a tree.
import { ensure } from "../errors.js";
import { checkUniqueTypes, ExtensionType, type LeafNode, LeafNodeSource } from "../wire/index.js";

/** The extension types that every client supports and `capabilities` do not list (§7.2). */
export const DEFAULT_EXTENSIONS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(ExtensionType));

/** How the lifetime of a leaf node of source `key_package` is checked. */
export interface LifetimeRule {
  /** The current time in seconds since the Unix epoch. Default: it is not compared with the lifetime. */
  readonly now?: bigint | undefined;
  /** The longest total lifetime to accept, in seconds. */
  readonly maxLifetime: bigint;
}

const SOURCES = { 1: "key_package", 2: "update", 3: "commit" } as const;

/**
 * Checks the rules of §7.3 that need only the leaf node. The caller must check its signature, its credential, and that
 * its keys are unique in the tree.
 * @param source the expected `leaf_node_source`; `undefined` accepts any, as in the tree of a group to join
 * @throws ValidationError
 */
export function checkLeafNode(
  leafNode: LeafNode,
  source: LeafNode["leafNodeSource"]["type"] | undefined,
  { now, maxLifetime }: LifetimeRule,
): void {
  const { capabilities, credential, extensions, leafNodeSource } = leafNode;
  ensure(
    source === undefined || leafNodeSource.type === source,
    "7.3: leaf_node_source must fit the message that the leaf node comes in",
    () => `expected ${source && SOURCES[source]}, got ${SOURCES[leafNodeSource.type]}`,
  );
  ensure(
    capabilities.credentials.includes(credential.credentialType),
    "7.2: the credential type used in the LeafNode must be in its capabilities",
    () => `credential type ${credential.credentialType}`,
  );
  checkUniqueTypes(extensions);
  for (const { extensionType } of extensions) {
    ensure(
      DEFAULT_EXTENSIONS.has(extensionType) || capabilities.extensions.includes(extensionType),
      "7.3: each extension of the LeafNode must be in its capabilities",
      () => `extension type ${extensionType}`,
    );
  }
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
