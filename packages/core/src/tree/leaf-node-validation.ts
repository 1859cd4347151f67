// RFC 9420 §7.3: what a leaf node must be by itself, whatever tree it stands in.
import { ensure } from "../errors.js";
import { checkUniqueTypes, ExtensionType, type LeafNode, LeafNodeSource } from "../wire/index.js";

/** Extension types that every client supports and that no `capabilities` list (§7.2). */
export const DEFAULT_EXTENSIONS: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(ExtensionType));

/** How long a leaf node of a key package may be valid, and when that is looked at. */
export interface LifetimeRule {
  /** Seconds since the Unix epoch; without it the end of the lifetime isn't looked at. */
  readonly now?: bigint | undefined;
  /** The longest total lifetime, in seconds, that is accepted. */
  readonly maxLifetime: bigint;
}

const SOURCES = { 1: "key_package", 2: "update", 3: "commit" } as const;

/**
 * The rules of §7.3 that need nothing but the leaf node. Its signature, its credential, and that its keys are
 * unique in the tree are checked elsewhere.
 * @param source what `leaf_node_source` must be; without it any is right, as in the tree of a group to join
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
    () => `${SOURCES[leafNodeSource.type]}`,
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
    () => `a lifetime from ${notBefore} to ${notAfter} where ${maxLifetime} s is the most`,
  );
  ensure(
    now === undefined || (notBefore <= now && now <= notAfter),
    "7.3: the current time must be within the lifetime",
    () => `it is ${now}, and the lifetime is from ${notBefore} to ${notAfter}`,
  );
}
