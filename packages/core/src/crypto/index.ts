// RFC 9420 §5: labelled operations, batches, signers, and the overwriting of secrets.
export * from "./batch.js";
export * from "./cleanup.js";
export * from "./guard.js";
export * from "./held-keys.js";
export * from "./key-scope.js";
export * from "./labelled.js";
export { importLater } from "./later-keys.js";
export * from "./repeat.js";
export * from "./signature-keys.js";
export * from "./signer.js";
