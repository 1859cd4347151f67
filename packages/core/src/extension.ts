// RFC 9420 §13: what an extension of the protocol is written with. For authors of extensions.
export { concat, EMPTY, equalBytes, equalSecret, utf8, wipe } from "./bytes.js";
export * from "./client/index.js";
export * from "./codec/index.js";
export {
  decryptWithLabel,
  deriveSecret,
  encryptWithLabel,
  expandWithLabel,
  type Label,
  signWithLabel,
  verifyWithLabel,
} from "./crypto/labelled.js";
