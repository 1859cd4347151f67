// RFC 9420 §5.1.2: signatures: the rules before every library, and what libraries lack.

export { type BytesSignature, bytesSignature } from "./bytes.js";
export { fromDer, toDer } from "./der.js";
export { isEd448PublicKey, isEd25519PublicKey } from "./edwards.js";
export { type EdwardsEquation, type EdwardsPoint, fitsEdwards } from "./equation.js";
export { type SeededEd25519, seededEd25519 } from "./seeded.js";
export { strictSignature } from "./strict.js";
export { ED448_TRIAL, ED25519_TRIAL, type EdwardsTrial, verifiesByRule } from "./trial.js";
