// RFC 9420 §5.1.2, §10: what was made elsewhere. An entry of its own, because few applications come from elsewhere.
export { type ImportedKeyPackage, importKeyPackage } from "./client/apart/import-key-package.js";
export { importSigner, type SignerKey } from "./crypto/import-signer.js";
