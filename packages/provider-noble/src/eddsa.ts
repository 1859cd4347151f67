// RFC 8032 §5.1, §5.2: Ed25519 and Ed448 over noble's curves.
//
// Keys and signatures are made by noble. Verification is the kit's equation over noble's points, as members of one group
// must not disagree about a signature. This also keeps decoded points and their tables.
import type { SignatureAlgorithm, SignaturePart } from "@copse/core/provider";
import { bytesSignature, type EdwardsEquation, fitsEdwards } from "@copse/provider-kit";
import type { EdDSA, EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { concatBytes } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { type PointCache, pointCache } from "./points.js";
import type { Random } from "./random.js";

interface Scheme {
  readonly curve: EdDSA;
  readonly points: PointCache<EdwardsPoint>;
  readonly equation: EdwardsEquation<EdwardsPoint>;
}

/** @param hash RFC 8032 `H`, with its `dom` for no context and no prehash */
function makeScheme(curve: EdDSA, hash: (data: Uint8Array) => Uint8Array, cofactored: boolean): Scheme {
  const { Point } = curve;
  const points = pointCache((publicKey) => Point.fromBytes(publicKey));
  const equation: EdwardsEquation<EdwardsPoint> = {
    base: Point.BASE,
    order: Point.Fn.ORDER,
    decode: (publicKey) => points.use(publicKey),
    hash: (...parts) => hash(concatBytes(...parts)),
    ...(cofactored && { decodeR: (R: Uint8Array) => Point.fromBytes(R) }),
  };
  return { curve, points, equation };
}

/** "SigEd448", no prehash, no context */
const DOM4 = Uint8Array.of(0x53, 0x69, 0x67, 0x45, 0x64, 0x34, 0x34, 0x38, 0, 0);

/** One of each for all suites and providers, as they keep points. */
const SCHEMES: Readonly<Record<number, Scheme>> = {
  2055: /* @__PURE__ */ makeScheme(ed25519, (data) => sha512(data), false),
  2056: /* @__PURE__ */ makeScheme(ed448, (data) => shake256(concatBytes(DOM4, data), { dkLen: 114 }), true),
};

/** Ed25519 (32-byte seeds, 64-byte signatures) or Ed448 (57 and 114), as `algorithm` says. */
export function eddsaPart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  const { curve, points, equation } = SCHEMES[algorithm.id] as Scheme;
  return bytesSignature(
    {
      algorithm,
      generate: () => random(algorithm.Nsk),
      publicKeyOf: (seed) => curve.getPublicKey(seed),
      validatePublicKey: (publicKey) => points.peek(publicKey),
      sign: (message, seed) => curve.sign(message, seed),
      verify: (signature, message, publicKey) =>
        signature.length === 2 * publicKey.length && fitsEdwards(equation, publicKey, message, signature),
    },
    curve,
  );
}
