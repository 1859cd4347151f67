// RFC 8032 §5.1, §5.2: Ed25519 and Ed448 over noble's curves.
//
// Keys and signatures are made by noble. The equation of verification stands here over noble's points, because members
// of one group must not disagree about a signature: RFC 8032 lets a verifier multiply both sides by the cofactor or
// not, and a signature can be made that only one of the two accepts. For Ed25519 OpenSSL and libsodium don't multiply,
// but noble does; for Ed448 OpenSSL does. This also keeps decoded points and their tables.
import {
  CryptoError,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength, guardSync, PrivateKeyHandle } from "@copse/provider-kit";
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
  /** Whether both sides of the equation are multiplied by the cofactor. */
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

/** RFC 8032 §5.1.7: `H(dom || R || A || M)` as a scalar */
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
    const publicKey = guardSync(`${name}: invalid private key`, () => curve.getPublicKey(seed));
    return { publicKey, privateKey: new PrivateKeyHandle(curve, seed) as object as SignaturePrivateKey };
  }

  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, curve, name);

  function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== Npk || signature.length !== 2 * Npk) return false;
    const R = signature.subarray(0, Npk);
    const S = bytesToNumberLE(signature.subarray(Npk));
    if (S >= Point.Fn.ORDER) return false;
    try {
      const A = points.use(publicKey);
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
    exportPrivateKey: (handle) => open(handle).slice(),
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      guardSync(`${name}: invalid public key`, () => points.peek(publicKey));
    },
    sign(handle, message) {
      const seed = open(handle);
      return guardSync(`${name}: signing failed`, () => curve.sign(message, seed));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
