// RFC 9180 §7.1: the KEMs of the hpke-js family, and what it leaves out: which bytes are keys, and the public key of an
// imported private key.
import {
  DHKEM_P256,
  DHKEM_P384,
  DHKEM_P521,
  DHKEM_X448,
  DHKEM_X25519,
  type KemAlgorithm,
} from "@copse/core/provider";
import {
  isX448PublicKey,
  isX25519PublicKey,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
} from "@copse/provider-kit";
import { DhkemP256HkdfSha256, DhkemP384HkdfSha384, DhkemP521HkdfSha512, type KemInterface } from "@hpke/core";
import { DhkemX448HkdfSha512 } from "@hpke/dhkem-x448";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import { x448 } from "@noble/curves/ed448.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";

/** A KEM, with the rules that come before it. All providers share it: a key of one is a key of the other. */
export interface LibraryKem {
  readonly library: KemInterface;
  /** The range of private keys, for the NIST curves. */
  readonly scalars?: ScalarRange;
  publicKeyOf(privateKey: Uint8Array): Uint8Array;
  /** The bytes have the right length. */
  isPublicKey(publicKey: Uint8Array): boolean;
}

/** Not all platforms check that a point is on the curve, and most take compressed ones, too. */
const nist = (library: KemInterface, curve: typeof p256, scalars: ScalarRange): LibraryKem => ({
  library,
  scalars,
  publicKeyOf: (privateKey) => curve.getPublicKey(privateKey, false),
  isPublicKey(publicKey) {
    if (publicKey[0] !== 0x04) return false;
    try {
      curve.Point.fromBytes(publicKey);
      return true;
    } catch {
      return false;
    }
  },
});

const MAKERS: Readonly<Record<number, () => LibraryKem>> = {
  [DHKEM_P256.id]: () => nist(new DhkemP256HkdfSha256(), p256, P256_SCALARS),
  [DHKEM_P384.id]: () => nist(new DhkemP384HkdfSha384(), p384, P384_SCALARS),
  [DHKEM_P521.id]: () => nist(new DhkemP521HkdfSha512(), p521, P521_SCALARS),
  [DHKEM_X25519.id]: () => ({
    library: new DhkemX25519HkdfSha256(),
    publicKeyOf: (privateKey) => x25519.getPublicKey(privateKey),
    isPublicKey: isX25519PublicKey,
  }),
  [DHKEM_X448.id]: () => ({
    library: new DhkemX448HkdfSha512(),
    publicKeyOf: (privateKey) => x448.getPublicKey(privateKey),
    isPublicKey: isX448PublicKey,
  }),
};

const made = new Map<number, LibraryKem>();

export function kemOf({ id }: KemAlgorithm): LibraryKem {
  const kem = made.get(id) ?? (MAKERS[id] as () => LibraryKem)();
  made.set(id, kem);
  return kem;
}
