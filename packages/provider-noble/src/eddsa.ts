// RFC 8032 §5.1, §5.2: Ed25519 and Ed448 over noble's curves.
//
// Keys and signatures are made by noble. Verification is the kit's equation over noble's points, as members of one group
// must not disagree about a signature. This also keeps decoded points and their tables.
import type {
  SignatureAlgorithm,
  SignatureKeyPair,
  SignaturePart,
  SignaturePrivateKey,
} from "@copse/core/provider";
import {
  type EdwardsEquation,
  expectLength,
  fitsEdwards,
  guardSync,
  PrivateKeyHandle,
} from "@copse/provider-kit";
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
  const { Npk, Nsk, name } = algorithm;
  const { curve, points, equation } = SCHEMES[algorithm.id] as Scheme;

  function pair(seed: Uint8Array): SignatureKeyPair {
    const publicKey = guardSync(`${name}: invalid private key`, () => curve.getPublicKey(seed));
    return { publicKey, privateKey: new PrivateKeyHandle(curve, seed) as object as SignaturePrivateKey };
  }

  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, curve, name);

  const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    publicKey.length === Npk &&
    signature.length === 2 * Npk &&
    fitsEdwards(equation, publicKey, message, signature);

  return {
    algorithm,
    generateKeyPair: () => pair(random(Nsk)),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => open(handle).slice(),
    destroyPrivateKey(handle) {
      PrivateKeyHandle.take<Uint8Array>(handle, curve, name)?.fill(0);
    },
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
