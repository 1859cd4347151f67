// RFC 9180 §7.1, RFC 8446 §4.2.3: the curves of MLS in PKCS#11's terms. A token may know a curve under
// several names; which of them it takes is found out by trying (see probe.ts).
import {
  CKK_EC,
  CKK_EC_EDWARDS,
  CKK_EC_MONTGOMERY,
  CKM_EC_EDWARDS_KEY_PAIR_GEN,
  CKM_EC_KEY_PAIR_GEN,
  CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
  CKM_ECDSA,
  CKM_EDDSA,
} from "./cryptoki.js";
import { printableString } from "./encoding.js";

/** One way to ask a token for a key pair on a curve. */
export interface Variant {
  /** CKA_KEY_TYPE */
  readonly keyType: number;
  /** CKA_EC_PARAMS, in DER */
  readonly params: Uint8Array;
  /** The mechanism that generates a key pair. */
  readonly generate: number;
}

export interface Curve {
  readonly name: string;
  /** Size of a coordinate in bytes: of a shared secret, and of r and s of an ECDSA signature. */
  readonly size: number;
  /** Size of a public key as MLS has it. */
  readonly Npk: number;
  readonly variants: readonly Variant[];
}

export interface SignatureCurve extends Curve {
  readonly mechanism: number;
  /** The hash that ECDSA signs; undefined for EdDSA, which is given the message. */
  readonly hash?: string;
}

const oid = (...bytes: number[]): Uint8Array => Uint8Array.from([0x06, bytes.length, ...bytes]);

const nist = (name: string, size: number, params: Uint8Array): Curve => ({
  name,
  size,
  Npk: 1 + 2 * size,
  variants: [{ keyType: CKK_EC, params, generate: CKM_EC_KEY_PAIR_GEN }],
});

const P256 = nist("P-256", 32, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07));
const P384 = nist("P-384", 48, oid(0x2b, 0x81, 0x04, 0x00, 0x22));
const P521 = nist("P-521", 66, oid(0x2b, 0x81, 0x04, 0x00, 0x23));

/** RFC 8410 has the curves' object identifiers; PKCS#11 v3.0 their names. */
const names = (name: string, last: number): Uint8Array[] => [printableString(name), oid(0x2b, 0x65, last)];

const edwards = (name: string, size: number, curve: string, last: number): SignatureCurve => ({
  name,
  size,
  Npk: size,
  mechanism: CKM_EDDSA,
  variants: names(curve, last).map((params) => ({
    keyType: CKK_EC_EDWARDS,
    params,
    generate: CKM_EC_EDWARDS_KEY_PAIR_GEN,
  })),
});

/** SoftHSM 2.6 has X25519 and X448, but counts them among the Edwards curves. */
const montgomery = (name: string, size: number, curve: string, last: number): Curve => ({
  name,
  size,
  Npk: size,
  variants: [
    [CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN] as const,
    [CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN] as const,
  ].flatMap(([keyType, generate]) => names(curve, last).map((params) => ({ keyType, params, generate }))),
});

/** By the KEM's id. */
export const KEM_CURVES: Readonly<Record<number, Curve>> = {
  16: P256,
  17: P384,
  18: P521,
  32: montgomery("X25519", 32, "curve25519", 0x6e),
  33: montgomery("X448", 56, "curve448", 0x6f),
};

/** By the signature scheme's id. */
export const SIGNATURE_CURVES: Readonly<Record<number, SignatureCurve>> = {
  1027: { ...P256, mechanism: CKM_ECDSA, hash: "SHA-256" },
  1283: { ...P384, mechanism: CKM_ECDSA, hash: "SHA-384" },
  1539: { ...P521, mechanism: CKM_ECDSA, hash: "SHA-512" },
  2055: edwards("Ed25519", 32, "edwards25519", 0x70),
  2056: edwards("Ed448", 57, "edwards448", 0x71),
};
