// RFC 9420 §5.1.2: signatures, which hpke-js has none of: Ed25519, Ed448 and ECDSA of @noble/curves.
import {
  ECDSA_P256,
  ECDSA_P384,
  ECDSA_P521,
  ED448,
  ED25519,
  type SignatureAlgorithm,
  type SignaturePart,
} from "@copse/core/provider";
import {
  type BytesSignature,
  bytesSignature,
  fitsEdwards,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
} from "@copse/provider-kit";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { concatBytes } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { randomBytes } from "./bytes.js";

/** Without the cofactor, as platforms and OpenSSL have it: the library's own verification multiplies by it. */
const EQUATION = {
  base: ed25519.Point.BASE,
  order: ed25519.Point.Fn.ORDER,
  decode: (publicKey: Uint8Array) => ed25519.Point.fromBytes(publicKey),
  hash: (...parts: Uint8Array[]) => sha512(concatBytes(...parts)),
};

type Verify = BytesSignature["verify"];

function eddsa(algorithm: SignatureAlgorithm, curve: typeof ed25519, verify: Verify): SignaturePart {
  return bytesSignature(
    {
      algorithm,
      generate: () => randomBytes(algorithm.Nsk),
      publicKeyOf: (seed) => curve.getPublicKey(seed),
      validatePublicKey: (publicKey) => curve.Point.fromBytes(publicKey),
      sign: (message, seed) => curve.sign(message, seed),
      verify,
    },
    curve,
  );
}

/** Strict DER, and any `s` below the order: RFC 8446 doesn't ask for the smaller of the two. */
const DER = { prehash: true, lowS: false, format: "der" } as const;

function ecdsa(algorithm: SignatureAlgorithm, curve: typeof p256, scalars: ScalarRange): SignaturePart {
  return bytesSignature(
    {
      algorithm,
      scalars,
      generate: () => curve.utils.randomSecretKey(),
      publicKeyOf: (scalar) => curve.getPublicKey(scalar, false),
      validatePublicKey: (publicKey) => curve.Point.fromBytes(publicKey),
      sign: (message, scalar) => curve.sign(message, scalar, DER),
      verify: (signature, message, publicKey) => curve.verify(signature, message, publicKey, DER),
    },
    curve,
  );
}

const SCHEMES: Readonly<Record<number, () => SignaturePart>> = {
  [ED25519.id]: () =>
    eddsa(
      ED25519,
      ed25519,
      (signature, message, publicKey) =>
        signature.length === 64 && fitsEdwards(EQUATION, publicKey, message, signature),
    ),
  // With the cofactor, as everybody has it.
  [ED448.id]: () =>
    eddsa(ED448, ed448, (signature, message, publicKey) =>
      ed448.verify(signature, message, publicKey, { zip215: false }),
    ),
  [ECDSA_P256.id]: () => ecdsa(ECDSA_P256, p256, P256_SCALARS),
  [ECDSA_P384.id]: () => ecdsa(ECDSA_P384, p384, P384_SCALARS),
  [ECDSA_P521.id]: () => ecdsa(ECDSA_P521, p521, P521_SCALARS),
};

/** The scheme of `algorithm`. All answers come at once. */
export const signaturePart = ({ id }: SignatureAlgorithm): SignaturePart =>
  (SCHEMES[id] as () => SignaturePart)();
