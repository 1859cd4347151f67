// RFC 9180 §7.1: the Diffie-Hellman groups of the platform, P-256, P-384, P-521 and X25519, for the kit's DHKEM.
import {
  CryptoError,
  DHKEM_P256,
  DHKEM_P384,
  DHKEM_P521,
  DHKEM_X25519,
  type KemAlgorithm,
} from "@copse/core/provider";
import {
  type DhKeyPair,
  type DhPrimitives,
  guard,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
  type ScalarRange,
} from "@copse/provider-kit";
import { source } from "./bytes.js";
import { importPoint, importScalar, type NistCurve } from "./nist.js";
import { importOkp } from "./pkcs8.js";
import { expectPrivateKey, exportScalar, handleOf } from "./private-keys.js";
import { publicKeyCache, validateX25519 } from "./public-keys.js";

const NIST_KEMS: readonly (readonly [KemAlgorithm, NistCurve, ScalarRange])[] = [
  [DHKEM_P256, "P-256", P256_SCALARS],
  [DHKEM_P384, "P-384", P384_SCALARS],
  [DHKEM_P521, "P-521", P521_SCALARS],
];

/** The platform's group for a DHKEM, or undefined if WebCrypto has no name for it. */
export function nativeGroup(
  subtle: SubtleCrypto,
  kem: KemAlgorithm,
  extractable: boolean,
): DhPrimitives<CryptoKey> | undefined {
  const nist = NIST_KEMS.find(([algorithm]) => algorithm.id === kem.id);
  if (nist !== undefined) return nistGroup(subtle, ...nist, extractable);
  return kem.id === DHKEM_X25519.id ? x25519Group(subtle, extractable) : undefined;
}

/** ECDH over a NIST curve. The secret is the x-coordinate, `Nsk` bytes. */
function nistGroup(
  subtle: SubtleCrypto,
  algorithm: KemAlgorithm,
  namedCurve: NistCurve,
  scalars: ScalarRange,
  extractable: boolean,
): DhPrimitives<CryptoKey> {
  const ecdh = { name: "ECDH", namedCurve } as const;
  return {
    ...group(subtle, algorithm, ecdh, extractable, (point) => importPoint(subtle, ecdh, point)),
    scalars,
    importPrivateKey: (bytes) =>
      guard(`${algorithm.name}: the private key can't be imported`, () =>
        importScalar(subtle, ecdh, bytes, extractable, "deriveBits"),
      ),
  };
}

function x25519Group(subtle: SubtleCrypto, extractable: boolean): DhPrimitives<CryptoKey> {
  const x25519 = { name: "X25519" };
  const importPublic = (bytes: Uint8Array) => subtle.importKey("raw", source(bytes), x25519, true, []);
  const shared = group(subtle, DHKEM_X25519, x25519, extractable, importPublic);
  return {
    ...shared,
    importPrivateKey: (bytes) =>
      guard(`${DHKEM_X25519.name}: the private key can't be imported`, () =>
        importOkp(subtle, "X25519", bytes, extractable, "deriveBits"),
      ),
    validatePublicKey: validateX25519,
  };
}

/** What the NIST curves and X25519 have in common in WebCrypto. */
function group(
  subtle: SubtleCrypto,
  algorithm: KemAlgorithm,
  parameters: { readonly name: string },
  extractable: boolean,
  importPublic: (bytes: Uint8Array) => Promise<CryptoKey>,
): Omit<DhPrimitives<CryptoKey>, "importPrivateKey"> {
  const { name, Npk, Nsk } = algorithm;
  const publicKeys = publicKeyCache(importPublic);
  return {
    algorithm,
    async generateKeyPair(): Promise<DhKeyPair<CryptoKey>> {
      const pair = (await subtle.generateKey(parameters, extractable, ["deriveBits"])) as CryptoKeyPair;
      const publicKey = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
      if (publicKey.length !== Npk)
        throw new CryptoError(
          `${name}: expected a public key of ${Npk} bytes from the platform, got ${publicKey.length}`,
        );
      return { publicKey, privateKey: pair.privateKey };
    },
    exportPrivateKey: (key) => guard(`${name}: export failed`, () => exportScalar(subtle, key, Nsk, name)),
    exportHandle: handleOf,
    importHandle: (handle) => expectPrivateKey(handle, parameters, name),
    validatePublicKey: (publicKey) =>
      guard(`${name}: invalid public key`, async () => {
        await publicKeys(publicKey);
      }),
    dh: (privateKey, publicKey) =>
      guard(`${name}: key agreement failed`, async () => {
        const key = await publicKeys(publicKey);
        return new Uint8Array(
          await subtle.deriveBits({ name: parameters.name, public: key }, privateKey, 8 * Nsk),
        );
      }),
  };
}
