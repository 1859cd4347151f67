// RFC 9180, RFC 5869: what an author of a crypto provider needs, besides the interface.

export { checkOpenInputs, checkSealInputs } from "./aead.js";
export { expectLength, ownBytes } from "./bytes.js";
export {
  composeProvider,
  composeSuite,
  defineProvider,
  type LazySuite,
  type ProviderParts,
  type SuiteParts,
} from "./compose.js";
export {
  type DhKeyPair,
  type DhPrimitives,
  dhkem,
  type Encapsulated,
  type Kem,
  type KeyManagement,
} from "./dhkem.js";
export { guard, guardSync } from "./guard.js";
export { type SyncHashPart, sha2, sha256, sha384, sha512 } from "./hash.js";
export { type HmacPrimitive, hkdf, type LabeledKdf, labeledKdf } from "./hkdf.js";
export { type ComposedHpke, checkExportLength, type HpkeParts, hpke, kemOf } from "./hpke.js";
export { isPqKem, type PqKemParts, pqKem, type SyncDhPrimitives } from "./hybrid-kem.js";
export { isMlKemPublicKey, pqDeriveInput } from "./ml-kem.js";
export { isX448PublicKey, isX25519PublicKey } from "./montgomery.js";
export { isP256PublicKey, isP384PublicKey, isP521PublicKey } from "./nist-points.js";
export { ownInputs } from "./own-inputs.js";
export * from "./pq-suites.js";
export { PrivateKeyHandle } from "./private-key.js";
export { randomBytes } from "./random.js";
export { isScalar, P256_SCALARS, P384_SCALARS, P521_SCALARS, type ScalarRange } from "./scalars.js";
export { type SeedKemParts, type SeedKemPrimitives, type SyncKem, seedKem } from "./seed-kem.js";
export * from "./signatures/index.js";
