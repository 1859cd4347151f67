// RFC 9420 §10: the creation of key packages.
import { encode } from "../codec/index.js";
import { makeKeyPackageRef, signWithLabel } from "../crypto/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import { signLeafNode } from "../tree/index.js";
import {
  type Capabilities,
  type Credential,
  type Extension,
  KeyPackage,
  KeyPackageTBS,
  type LeafNode,
  LeafNodeSource,
  type Lifetime,
  ProtocolVersion,
} from "../wire/index.js";
import { KEY_PACKAGE_LABEL } from "./validation.js";

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
