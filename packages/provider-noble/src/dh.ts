// RFC 9180 §7.1, RFC 7748, SEC 1: the Diffie-Hellman groups of the KEMs in JavaScript, for the kit's DHKEM.
import { CryptoError, type KemAlgorithm } from "@copse/core/provider";
import {
  guardSync,
  isX448PublicKey,
  isX25519PublicKey,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
  type SyncDhPrimitives,
} from "@copse/provider-kit";
import { x448 } from "@noble/curves/ed448.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import type { Random } from "./random.js";

/** A private key is its `Nsk` bytes, in a handle that the kit makes around them. Answers at once. */
export type Group = SyncDhPrimitives<Uint8Array>;

/** Groups by their random source and KEM: so a key of one provider is a key of another with that source. */
const groups = /* @__PURE__ */ new WeakMap<Random, Map<number, Group>>();

/** The group of a KEM: X25519, X448, P-256, P-384 or P-521. */
export function dhGroup(algorithm: KemAlgorithm, random: Random): Group {
  const known = groups.get(random) ?? new Map<number, Group>();
  groups.set(random, known);
  const group = known.get(algorithm.id) ?? makeGroup(algorithm, random);
  known.set(algorithm.id, group);
  return group;
}

function makeGroup(algorithm: KemAlgorithm, random: Random): Group {
  switch (algorithm.id) {
    case 0x0010:
      return nistGroup(algorithm, p256, P256_SCALARS, random);
    case 0x0011:
      return nistGroup(algorithm, p384, P384_SCALARS, random);
    case 0x0012:
      return nistGroup(algorithm, p521, P521_SCALARS, random);
    case 0x0020:
      return montgomeryGroup(algorithm, x25519, isX25519PublicKey, random);
    default:
      return montgomeryGroup(algorithm, x448, isX448PublicKey, random);
  }
}

/** What all of noble's groups share here. */
function bytesAsKeys(
  algorithm: KemAlgorithm,
): Pick<Group, "algorithm" | "exportPrivateKey" | "destroyPrivateKey"> {
  return {
    algorithm,
    exportPrivateKey: (key) => key.slice(),
    destroyPrivateKey(key) {
      key.fill(0);
    },
  };
}

function nistGroup(algorithm: KemAlgorithm, curve: typeof p256, scalars: ScalarRange, random: Random): Group {
  const { Point, utils, lengths } = curve;
  const { name } = algorithm;
  const decode = (publicKey: Uint8Array) =>
    guardSync(`${name}: the public key is not a point on the curve`, () => Point.fromBytes(publicKey));
  const publicKeyOf = (key: Uint8Array) => curve.getPublicKey(key, false);
  return {
    ...bytesAsKeys(algorithm),
    scalars,
    generateKeyPair() {
      // Half as many bytes again as the order has, so that the remainder is all but uniform.
      const seed = random(lengths.seed as number);
      const privateKey = utils.randomSecretKey(seed);
      seed.fill(0);
      return { publicKey: publicKeyOf(privateKey), privateKey };
    },
    importPrivateKey: (bytes) => ({
      publicKey: guardSync(`${name}: invalid private key`, () => publicKeyOf(bytes)),
      privateKey: new Uint8Array(bytes),
    }),
    validatePublicKey(publicKey) {
      decode(publicKey);
    },
    dh(privateKey, publicKey) {
      const peer = decode(publicKey);
      return guardSync(`${name}: key agreement failed`, () => {
        const { x } = peer.multiply(Point.Fn.fromBytes(privateKey)).toAffine();
        return Point.Fp.toBytes(x);
      });
    },
  };
}

function montgomeryGroup(
  algorithm: KemAlgorithm,
  curve: typeof x25519,
  isPublicKey: (publicKey: Uint8Array) => boolean,
  random: Random,
): Group {
  const { Nsk, name } = algorithm;
  const pair = (privateKey: Uint8Array) => ({ publicKey: curve.getPublicKey(privateKey), privateKey });
  const check = (publicKey: Uint8Array) => {
    if (!isPublicKey(publicKey)) throw new CryptoError(`${name}: the public key is a point of low order`);
  };
  return {
    ...bytesAsKeys(algorithm),
    generateKeyPair: () => pair(random(Nsk)),
    importPrivateKey: (bytes) => pair(new Uint8Array(bytes)),
    validatePublicKey: check,
    dh(privateKey, publicKey) {
      check(publicKey);
      return guardSync(`${name}: key agreement failed`, () => curve.getSharedSecret(privateKey, publicKey));
    },
  };
}
