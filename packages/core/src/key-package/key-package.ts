// RFC 9420 §10: making and validating key packages.
import { equalBytes } from "../bytes.js";
import { encode, vectorSize } from "../codec/index.js";
import { makeKeyPackageRef, signWithLabel, verifyRequest } from "../crypto/index.js";
import { ensure } from "../errors.js";
import type {
  CipherSuite,
  CipherSuiteProvider,
  HpkePrivateKey,
  HpkeSealed,
  Signer,
  VerifyRequest,
} from "../provider/index.js";
import {
  checkLeafNode,
  DEFAULT_EXTENSIONS,
  type LifetimeRule,
  leafNodeVerifyRequest,
  signLeafNode,
} from "../tree/index.js";
import {
  type Capabilities,
  type Credential,
  type Extension,
  isGrease,
  KeyPackage,
  KeyPackageTBS,
  type LeafNode,
  LeafNodeSource,
  type Lifetime,
  ProtocolVersion,
} from "../wire/index.js";

/** The fields of a leaf node that describe its client. */
export interface LeafDescription {
  readonly credential: Credential;
  readonly capabilities: Capabilities;
  readonly extensions: readonly Extension[];
}

/** A key package of this client, with its private keys. */
export interface OwnKeyPackage {
  readonly keyPackage: KeyPackage;
  /** KeyPackageRef, §5.2: `Nh` bytes */
  readonly reference: Uint8Array;
  readonly initKey: HpkePrivateKey;
  readonly leafKey: HpkePrivateKey;
}

/** A group that this client joined by a key package, and the epoch in which it did so. */
export interface JoinedGroup {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
}

/** A key package that is kept, and what it was used for. Only one that may be used again was used before. */
export interface KeptKeyPackage extends OwnKeyPackage {
  readonly joined: readonly JoinedGroup[];
}

/** An own key package, and what a Welcome for it has for its owner: the encrypted GroupSecrets. */
export interface Invitation {
  readonly found: OwnKeyPackage;
  readonly encrypted: HpkeSealed;
}

/** Makes a signed leaf node of source `key_package`: for a key package, or for the creator of a group (§11). */
export async function createLeafNode(
  provider: CipherSuiteProvider,
  signer: Signer,
  description: LeafDescription,
  lifetime: Lifetime,
): Promise<{ leafNode: LeafNode; leafKey: HpkePrivateKey }> {
  const { publicKey, privateKey } = await provider.hpke.generateKeyPair();
  const leafNode = await signLeafNode(signer, {
    ...description,
    encryptionKey: publicKey,
    signatureKey: signer.publicKey,
    leafNodeSource: { type: LeafNodeSource.keyPackage, lifetime },
  });
  return { leafNode, leafKey: privateKey };
}

/** Makes a signed key package with new keys. */
export async function createKeyPackage(
  provider: CipherSuiteProvider,
  signer: Signer,
  description: LeafDescription,
  lifetime: Lifetime,
  extensions: readonly Extension[] = [],
): Promise<OwnKeyPackage> {
  // In parallel, for asynchronous providers. If one fails, the other is still awaited, so that no work goes on.
  const [first, second] = await Promise.allSettled([
    provider.hpke.generateKeyPair(),
    createLeafNode(provider, signer, description, lifetime),
  ]);
  if (first.status === "rejected") throw first.reason;
  if (second.status === "rejected") throw second.reason;
  const { value: init } = first;
  const { leafNode, leafKey } = second.value;
  const unsigned: KeyPackageTBS = {
    version: ProtocolVersion.mls10,
    cipherSuite: provider.suite.id,
    initKey: init.publicKey,
    leafNode,
    extensions,
  };
  const signature = await signWithLabel(signer, KEY_PACKAGE_LABEL, encode(KeyPackageTBS, unsigned));
  const keyPackage = { ...unsigned, signature };
  const reference = await makeKeyPackageRef(provider, KeyPackage.encoding(keyPackage));
  return { keyPackage, reference, initKey: init.privateKey, leafKey };
}

/** The label of a key package's signature, §10. */
export const KEY_PACKAGE_LABEL = "KeyPackageTBS";

/**
 * Checks the rules of §10.1 that need no cryptography. {@link keyPackageVerifyRequests} is for the signatures.
 * @throws ValidationError
 */
export function checkKeyPackage(
  keyPackage: KeyPackage,
  suite: CipherSuite,
  lifetime: LifetimeRule | undefined,
): void {
  const { cipherSuite, initKey, leafNode, extensions } = keyPackage;
  ensure(
    cipherSuite === suite.id,
    "10.1: the cipher suite of the KeyPackage must be the group's",
    () => `expected suite ${suite.id}, got ${cipherSuite}`,
  );
  checkLeafNode(leafNode, LeafNodeSource.keyPackage, lifetime);
  // §13.5 asks only for GREASE in a LeafNode to be listed, and deployed clients don't list that of key packages.
  const listed = new Set(extensions.length === 0 ? [] : leafNode.capabilities.extensions);
  for (const { extensionType } of extensions) {
    ensure(
      DEFAULT_EXTENSIONS.has(extensionType) || listed.has(extensionType) || isGrease(extensionType),
      "10: each extension of the KeyPackage must be in the capabilities of its leaf node",
      () => `extension type ${extensionType}`,
    );
  }
  ensure(
    !equalBytes(leafNode.encryptionKey, initKey),
    "10.1: leaf_node.encryption_key must be different from init_key",
  );
  const { Npk } = suite.kem;
  ensure(
    initKey.length === Npk && leafNode.encryptionKey.length === Npk,
    "5.1.1: an HPKE public key must have the encoding that the KEM gives it",
    () =>
      `expected ${Npk} bytes, got ${initKey.length} (init_key) and ${leafNode.encryptionKey.length} (encryption_key)`,
  );
}

/** The lifetime of a key package: its leaf node has one (§7.2), which {@link checkKeyPackage} checks. */
export function lifetimeOf({ leafNode: { leafNodeSource } }: KeyPackage): Lifetime {
  const { keyPackage } = LeafNodeSource;
  return leafNodeSource.type === keyPackage ? leafNodeSource.lifetime : { notBefore: 0n, notAfter: 0n };
}

/** The requests that verify the two signatures of a key package: its own and that of its leaf node. */
export function keyPackageVerifyRequests(keyPackage: KeyPackage): VerifyRequest[] {
  const { leafNode, signature } = keyPackage;
  // KeyPackageTBS is the remembered encoding without the signature at its end.
  const encoding = KeyPackage.encoding(keyPackage);
  const tbs = encoding.subarray(0, encoding.length - vectorSize(signature));
  return [
    verifyRequest(leafNode.signatureKey, KEY_PACKAGE_LABEL, [tbs], signature),
    leafNodeVerifyRequest(leafNode),
  ];
}
