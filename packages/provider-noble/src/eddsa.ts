// RFC 8032 §5.1, §5.2: Ed25519 and Ed448 over noble's curves.
//
// The curve arithmetic is noble's; the few lines of the scheme itself stand here for three reasons.
// Signing keeps the expanded key in the handle, which halves its time. Verifying keeps decoded points and
// their tables. And members of one group must not disagree about a signature: RFC 8032 lets a verifier
// multiply both sides of its equation by the cofactor or not, and that matters for signatures made to
// split opinions. OpenSSL and libsodium don't for Ed25519 (noble does); OpenSSL does for Ed448.
import {
  CryptoError,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength, guardSync } from "@copse/provider-kit";
import type { EdDSA, EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, concatBytes, equalBytes } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { type PointCache, pointCache } from "./points.js";
import type { Random } from "./random.js";

interface Scheme {
  readonly curve: EdDSA;
  /** RFC 8032 `H` */
  hash(data: Uint8Array): Uint8Array;
  /** RFC 8032 `dom`, with no context and no prehash */
  readonly domain: Uint8Array;
  /** Whether the equation is to hold only after multiplication by the cofactor. */
  readonly cofactored: boolean;
  readonly points: PointCache<EdwardsPoint>;
}

function makeScheme(curve: EdDSA, hash: Scheme["hash"], domain: Uint8Array, cofactored: boolean): Scheme {
  const points = pointCache((publicKey) => {
    const point = curve.Point.fromBytes(publicKey);
    // Under such a key one signature may fit many messages.
    if (point.isSmallOrder()) throw new CryptoError("the public key is a point of low order");
    return point;
  });
  return { curve, hash, domain, cofactored, points };
}

/** One of each for all suites and providers, as they keep points. */
const SCHEMES: Readonly<Record<number, Scheme>> = {
  2055: /* @__PURE__ */ makeScheme(ed25519, (data) => sha512(data), new Uint8Array(0), false),
  2056: /* @__PURE__ */ makeScheme(
    ed448,
    (data) => shake256(data, { dkLen: 114 }),
    Uint8Array.of(0x53, 0x69, 0x67, 0x45, 0x64, 0x34, 0x34, 0x38, 0, 0), // "SigEd448"
    true,
  ),
};

/** The expanded private key. Its fields are private, so that no log or serialiser gives them away. */
class EdPrivateKey {
  readonly #scheme: Scheme;
  readonly #seed: Uint8Array;
  readonly #scalar: bigint;
  readonly #prefix: Uint8Array;
  readonly #publicKey: Uint8Array;

  constructor(scheme: Scheme, seed: Uint8Array) {
    const { head, prefix, scalar, pointBytes } = scheme.curve.utils.getExtendedPublicKey(seed);
    head.fill(0);
    this.#scheme = scheme;
    this.#seed = seed;
    this.#scalar = scalar;
    this.#prefix = prefix;
    this.#publicKey = pointBytes;
  }

  static open(handle: unknown, scheme: Scheme, name: string): EdPrivateKey {
    if (!(handle instanceof EdPrivateKey) || handle.#scheme !== scheme) {
      throw new CryptoError(`${name}: the private key is not a handle of this provider`);
    }
    return handle;
  }

  get publicKey(): Uint8Array {
    return this.#publicKey.slice();
  }

  get seed(): Uint8Array {
    return this.#seed.slice();
  }

  /** RFC 8032 §5.1.6 */
  sign(message: Uint8Array): Uint8Array {
    const { Point } = this.#scheme.curve;
    const r = challenge(this.#scheme, this.#prefix, message);
    const R = Point.BASE.multiply(r).toBytes();
    const k = challenge(this.#scheme, R, this.#publicKey, message);
    return concatBytes(R, Point.Fn.toBytes(Point.Fn.create(r + k * this.#scalar)));
  }
}

/** `H(dom || parts)` as a scalar */
function challenge({ curve, hash, domain }: Scheme, ...parts: readonly Uint8Array[]): bigint {
  return curve.Point.Fn.create(bytesToNumberLE(hash(concatBytes(domain, ...parts))));
}

/** Ed25519 (32-byte seeds, 64-byte signatures) or Ed448 (57 and 114), as `algorithm` says. */
export function eddsaPart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  const { Npk, Nsk, name } = algorithm;
  const scheme = SCHEMES[algorithm.id] as Scheme;
  const { curve, points, cofactored } = scheme;
  const { Point } = curve;

  function pair(seed: Uint8Array): SignatureKeyPair {
    const key = guardSync(`${name}: invalid private key`, () => new EdPrivateKey(scheme, seed));
    return { publicKey: key.publicKey, privateKey: key as object as SignaturePrivateKey };
  }

  function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== Npk || signature.length !== 2 * Npk) return false;
    const R = signature.subarray(0, Npk);
    const S = bytesToNumberLE(signature.subarray(Npk));
    if (S >= Point.Fn.ORDER) return false;
    try {
      const A = points.use(publicKey).point;
      const k = challenge(scheme, R, publicKey, message);
      const expected = Point.BASE.multiplyUnsafe(S).subtract(A.multiplyUnsafe(k));
      if (equalBytes(expected.toBytes(), R)) return true;
      return cofactored && expected.subtract(Point.fromBytes(R)).clearCofactor().is0();
    } catch {
      return false;
    }
  }

  return {
    algorithm,
    generateKeyPair: () => pair(random(Nsk)),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => EdPrivateKey.open(handle, scheme, name).seed,
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      guardSync(`${name}: invalid public key`, () => points.peek(publicKey));
    },
    sign(handle, message) {
      const key = EdPrivateKey.open(handle, scheme, name);
      return guardSync(`${name}: signing failed`, () => key.sign(message));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
