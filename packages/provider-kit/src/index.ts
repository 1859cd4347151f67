// RFC 9180, RFC 5869: what an author of a crypto provider needs, besides the interface.
export { consume, expectLength } from "./bytes.js";
export { composeSuite, defineProvider, type LazySuite, type SuiteParts } from "./compose.js";
export { type DhKeyPair, type DhPrimitives, dhkem, type Encapsulated, type Kem } from "./dhkem.js";
export { isEd448PublicKey, isEd25519PublicKey } from "./edwards.js";
export { guard, guardSync } from "./guard.js";
export { type HmacPrimitive, hkdf, type LabeledKdf, labeledKdf } from "./hkdf.js";
export { type ComposedHpke, type HpkeParts, hpke } from "./hpke.js";
export { isScalar, P256_SCALARS, P384_SCALARS, P521_SCALARS, type ScalarRange } from "./scalars.js";
