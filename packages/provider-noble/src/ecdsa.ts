// RFC 9420 §5.1.2, FIPS 186-5 §6: ECDSA by noble over P-256, P-384 and P-521, with signatures in DER.
import type { SignatureAlgorithm, SignaturePart } from "@copse/core/provider";
import {
  bytesSignature,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
} from "@copse/provider-kit";
import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import type { Random } from "./random.js";

interface Scheme {
  readonly curve: ECDSA;
  readonly scalars: ScalarRange;
}

const SCHEMES: Readonly<Record<number, Scheme>> = {
  1027: { curve: p256, scalars: P256_SCALARS },
  1283: { curve: p384, scalars: P384_SCALARS },
  1539: { curve: p521, scalars: P521_SCALARS },
};

/** Strict DER, and any `s` below the order: RFC 8446 doesn't ask for the smaller of the two. */
const OPTIONS = { prehash: true, lowS: false, format: "der" } as const;

/** ECDSA with the curve and hash of `algorithm`: private keys are scalars of 32, 48 or 66 bytes. */
export function ecdsaPart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  const { curve, scalars } = SCHEMES[algorithm.id] as Scheme;
  return bytesSignature(
    {
      algorithm,
      scalars,
      generate() {
        const seed = random(curve.lengths.seed as number);
        const scalar = curve.utils.randomSecretKey(seed);
        seed.fill(0);
        return scalar;
      },
      publicKeyOf: (scalar) => curve.getPublicKey(scalar, false),
      validatePublicKey: (publicKey) => curve.Point.fromBytes(publicKey),
      sign: (message, scalar) => curve.sign(message, scalar, OPTIONS),
      verify: (signature, message, publicKey) => curve.verify(signature, message, publicKey, OPTIONS),
    },
    curve,
  );
}
