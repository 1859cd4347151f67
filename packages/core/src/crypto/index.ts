// RFC 9420 §5: labelled operations, batches, signers, and the overwriting of secrets.
export { expandAll, hashAll, sealAll, verifyAll } from "./batch.js";
export { onFailure, withBuffer } from "./cleanup.js";
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
export { checkSigner, generateSigner, signerOf } from "./signer.js";
