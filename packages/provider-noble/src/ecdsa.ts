// RFC 9420 §5.1.2, FIPS 186-5 §6: ECDSA over noble's P-256, P-384 and P-521, with signatures in DER.
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
  type ScalarRange,
} from "@copse/provider-kit";
import type { ECDSA, WeierstrassPoint } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { bytesToNumberBE } from "@noble/curves/utils.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { type PointCache, pointCache } from "./points.js";
import type { Random } from "./random.js";

/** The handle. Its fields are private, so that no log or serialiser gives the key away. */
class EcPrivateKey {
  readonly #curve: ECDSA;
  readonly #scalar: Uint8Array;

  constructor(curve: ECDSA, scalar: Uint8Array) {
    this.#curve = curve;
    this.#scalar = scalar;
  }

  static open(handle: unknown, curve: ECDSA, name: string): Uint8Array {
    if (!(handle instanceof EcPrivateKey) || handle.#curve !== curve) {
      throw new CryptoError(`${name}: the private key is not a handle of this provider`);
    }
    return handle.#scalar;
  }
}

interface Scheme {
  readonly curve: ECDSA;
  readonly scalars: ScalarRange;
  hash(data: Uint8Array): Uint8Array;
  readonly points: PointCache<WeierstrassPoint<bigint>>;
}

function makeScheme(curve: ECDSA, scalars: ScalarRange, hash: (data: Uint8Array) => Uint8Array): Scheme {
  // Of the length that is asked for, only uncompressed points are decoded; the point at infinity isn't.
  const points = pointCache((publicKey) => curve.Point.fromBytes(publicKey));
  return { curve, scalars, hash, points };
}

/** One of each for all suites and providers, as they keep points. */
const SCHEMES: Readonly<Record<number, Scheme>> = {
  1027: /* @__PURE__ */ makeScheme(p256, P256_SCALARS, sha256),
  1283: /* @__PURE__ */ makeScheme(p384, P384_SCALARS, sha384),
  1539: /* @__PURE__ */ makeScheme(p521, P521_SCALARS, sha512),
};

/** A signature with a large `s` is as good as one with a small: RFC 8446 asks for neither. */
const SIGN_OPTIONS = { prehash: true, lowS: false, format: "der" } as const;

/** ECDSA with the curve and hash of `algorithm`: private keys are scalars of 32, 48 or 66 bytes. */
export function ecdsaPart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  const { Npk, Nsk, name } = algorithm;
  const { curve, scalars, hash, points } = SCHEMES[algorithm.id] as Scheme;
  const { Point } = curve;
  const { Fn } = Point;

  const pair = (scalar: Uint8Array): SignatureKeyPair => ({
    publicKey: guardSync(`${name}: invalid private key`, () => curve.getPublicKey(scalar, false)),
    privateKey: new EcPrivateKey(curve, scalar) as object as SignaturePrivateKey,
  });

  /** FIPS 186-5 §6.4.2. In all three schemes the digest is no longer than the order. */
  function fits(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== Npk) return false;
    try {
      // Strict DER; `r` and `s` are from 1 to the order less 1.
      const { r, s } = curve.Signature.fromBytes(signature, "der");
      const { point, hasTable } = points.use(publicKey);
      const inverse = Fn.inv(s);
      const u = Fn.mul(Fn.create(bytesToNumberBE(hash(message))), inverse);
      const v = Fn.mul(r, inverse);
      const R = hasTable
        ? Point.BASE.multiplyUnsafe(u).add(point.multiplyUnsafe(v))
        : Point.BASE.mulAddUnsafe(u, point, v);
      return !R.is0() && Fn.create(R.toAffine().x) === r;
    } catch {
      return false;
    }
  }

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
      if (!isScalar(bytes, scalars)) throw new CryptoError(`the private key of ${name} is out of range`);
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => EcPrivateKey.open(handle, curve, name).slice(),
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      guardSync(`${name}: invalid public key`, () => points.peek(publicKey));
    },
    sign(handle, message) {
      const scalar = EcPrivateKey.open(handle, curve, name);
      return guardSync(`${name}: signing failed`, () => curve.sign(message, scalar, SIGN_OPTIONS));
    },
    verify: fits,
    verifyAll: (requests) => requests.map((r) => fits(r.publicKey, r.message, r.signature)),
  };
}
