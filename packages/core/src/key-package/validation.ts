// RFC 9420 §10.1: the validation of key packages.
import { equalBytes } from "../bytes.js";
import { vectorSize } from "../codec/index.js";
import { verifyRequest } from "../crypto/index.js";
import { ensure } from "../errors.js";
import type { CipherSuite, VerifyRequest } from "../provider/index.js";
import { checkLeafNode, leafNodeVerifyRequest, type LifetimeRule } from "../tree/index.js";
import { checkUniqueTypes, KeyPackage, LeafNodeSource } from "../wire/index.js";

/** The label of a key package's signature, §10. */
export const KEY_PACKAGE_LABEL = "KeyPackageTBS";

/**
 * Checks the rules of §10.1 that need no cryptography. {@link keyPackageVerifyRequests} is for the signatures.
 * @throws ValidationError
 */
export function checkKeyPackage(keyPackage: KeyPackage, suite: CipherSuite, lifetime: LifetimeRule): void {
  const { cipherSuite, initKey, leafNode, extensions } = keyPackage;
  ensure(
    cipherSuite === suite.id,
    "10.1: the cipher suite of the KeyPackage must be the group's",
    () => `expected suite ${suite.id}, got ${cipherSuite}`,
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
    () =>
      `expected ${Npk} bytes, got ${initKey.length} (init_key) and ${leafNode.encryptionKey.length} (encryption_key)`,
  );
}

/** The requests that verify the two signatures of a key package: its own and that of its leaf node. */
export function keyPackageVerifyRequests(keyPackage: KeyPackage): VerifyRequest[] {
  const { leafNode, signature } = keyPackage;
  // KeyPackageTBS is the remembered encoding without the signature at its end.
  const encoding = KeyPackage.encoding(keyPackage);
  const tbs = encoding.subarray(0, encoding.length - vectorSize(signature));
  return [
    verifyRequest(leafNode.signatureKey, KEY_PACKAGE_LABEL, tbs, signature),
    leafNodeVerifyRequest(leafNode),
  ];
}
