// RFC 9420 §10.1: whether a key package may be used to add its client.
import { equalBytes } from "../bytes.js";
import { verifyRequest } from "../crypto/index.js";
import { ensure } from "../errors.js";
import type { CipherSuite, VerifyRequest } from "../provider/index.js";
import { checkLeafNode, leafNodeVerifyRequest, type LifetimeRule } from "../tree/index.js";
import { checkUniqueTypes, KeyPackage, LeafNodeSource } from "../wire/index.js";

export const KEY_PACKAGE_LABEL = "KeyPackageTBS";

/**
 * The rules of §10.1 that need no cryptography; its signatures are for {@link keyPackageVerifyRequests}.
 * @throws ValidationError
 */
export function checkKeyPackage(keyPackage: KeyPackage, suite: CipherSuite, lifetime: LifetimeRule): void {
  const { cipherSuite, initKey, leafNode, extensions } = keyPackage;
  ensure(
    cipherSuite === suite.id,
    "10.1: the cipher suite of the KeyPackage must be the group's",
    () => `suite ${cipherSuite} in a group of suite ${suite.id}`,
  );
  checkLeafNode(leafNode, LeafNodeSource.keyPackage, lifetime);
  checkUniqueTypes(extensions);
  ensure(
    !equalBytes(leafNode.encryptionKey, initKey),
    "10.1: leaf_node.encryption_key must be different from init_key",
  );
  const { Npk } = suite.kem;
  ensure(
    initKey.length === Npk && leafNode.encryptionKey.length === Npk,
    "5.1.1: an HPKE public key must have the encoding that the KEM gives it",
    () => `${initKey.length} and ${leafNode.encryptionKey.length} bytes where ${Npk} belong`,
  );
}

/** What verifying the two signatures of a key package asks of the provider: its own, and its leaf node's. */
export function keyPackageVerifyRequests(keyPackage: KeyPackage): VerifyRequest[] {
  const { leafNode, signature } = keyPackage;
  // The encoding is remembered: what is signed is all of it before the signature.
  const encoding = KeyPackage.encoding(keyPackage);
  const header = signature.length < 64 ? 1 : signature.length < 16384 ? 2 : 4;
  const tbs = encoding.subarray(0, encoding.length - signature.length - header);
  return [
    verifyRequest(leafNode.signatureKey, KEY_PACKAGE_LABEL, tbs, signature),
    leafNodeVerifyRequest(leafNode),
  ];
}
