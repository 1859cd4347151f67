// RFC 9420 §5: labelled operations, batches, and how secrets are overwritten.
export { expandAll, hashAll, sealAll, verifyAll } from "./batch.js";
export {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecrets,
  encryptContext,
  encryptWithLabel,
  expandAllWithLabels,
  expandWithLabel,
  kdfLabel,
  type Label,
  makeKeyPackageRef,
  makeProposalRef,
  mlsExporter,
  mlsLabel,
  signWithLabel,
  verifyRequest,
  verifyWithLabel,
} from "./labelled.js";
export { onCryptoError, onFailure, withBuffer } from "./settle.js";
export { checkSigner, generateSigner, signerOf } from "./signer.js";
