// FIPS 186-4 D.1.2: the public key of a private one by @noble/curves.
import { p256, p384, p521 } from "@noble/curves/nist.js";

const CURVES = { "P-256": p256, "P-384": p384, "P-521": p521 };

/** An uncompressed point. @throws unless `scalar` is a private key of the curve */
export const publicKeyOf = (curve: keyof typeof CURVES, scalar: Uint8Array): Uint8Array =>
  CURVES[curve].getPublicKey(scalar, false);
