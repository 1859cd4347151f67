// RFC 9420 §5.1.2, FIPS 186-5 §6: ECDSA by noble over P-256, P-384 and P-521, with signatures in DER.
import {
  CryptoError,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import {
  expectLength,
  guardSync,
  isScalar,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  PrivateKeyHandle,
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
  const { Npk, Nsk, name } = algorithm;
  const { curve, scalars } = SCHEMES[algorithm.id] as Scheme;

  const pair = (scalar: Uint8Array): SignatureKeyPair => ({
    publicKey: guardSync(`${name}: invalid private key`, () => curve.getPublicKey(scalar, false)),
    privateKey: new PrivateKeyHandle(curve, scalar) as object as SignaturePrivateKey,
  });

  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, curve, name);

  const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    if (publicKey.length !== Npk) return false;
    try {
      return curve.verify(signature, message, publicKey, OPTIONS);
    } catch {
      return false;
    }
  };

  return {
    algorithm,
    generateKeyPair() {
      const seed = random(curve.lengths.seed as number);
      const scalar = curve.utils.randomSecretKey(seed);
      seed.fill(0);
      return pair(scalar);
    },
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      if (!isScalar(bytes, scalars)) throw new CryptoError(`${name}: the private key is out of range`);
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => open(handle).slice(),
    destroyPrivateKey(handle) {
      PrivateKeyHandle.take<Uint8Array>(handle, curve, name)?.fill(0);
    },
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      guardSync(`${name}: invalid public key`, () => curve.Point.fromBytes(publicKey));
    },
    sign(handle, message) {
      const scalar = open(handle);
      return guardSync(`${name}: signing failed`, () => curve.sign(message, scalar, OPTIONS));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
