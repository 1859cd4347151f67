// FIPS 186-4 D.1.2: the NIST curves, and what subtle needs to import a private key of one.
import { CryptoError } from "@copse/core/provider";
import { guardSync } from "@copse/provider-kit";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { source, toBase64Url } from "./bytes.js";

const CURVES = { "P-256": p256, "P-384": p384, "P-521": p521 };

/** The names that WebCrypto has for the curves. */
export type NistCurve = keyof typeof CURVES;

/** `ECDH` or `ECDSA` over a curve, as subtle has it. */
export interface EcAlgorithm {
  readonly name: "ECDH" | "ECDSA";
  readonly namedCurve: NistCurve;
}

/**
 * A private key of the platform for a scalar, and its public key (an uncompressed point).
 *
 * Platforms import a private key only with its public key: a JWK must have both, and a PKCS#8 without it
 * isn't taken everywhere. So the public key is computed first, in JavaScript: measured in Node 20, that and
 * a JWK take as long as a PKCS#8 without public key for P-256, and half as long for P-384 and P-521.
 * @throws CryptoError unless `scalar` is a private key of the curve
 */
export async function importScalar(
  subtle: SubtleCrypto,
  algorithm: EcAlgorithm,
  scalar: Uint8Array,
  extractable: boolean,
  usage: "deriveBits" | "sign",
): Promise<{ publicKey: Uint8Array; privateKey: CryptoKey }> {
  const { namedCurve: crv } = algorithm;
  const publicKey = guardSync(`${crv}: invalid private key`, () => CURVES[crv].getPublicKey(scalar, false));
  const size = scalar.length;
  const jwk: JsonWebKey = {
    kty: "EC",
    crv,
    d: toBase64Url(scalar),
    x: toBase64Url(publicKey.subarray(1, 1 + size)),
    y: toBase64Url(publicKey.subarray(1 + size)),
  };
  return { publicKey, privateKey: await subtle.importKey("jwk", jwk, algorithm, extractable, [usage]) };
}

/** Whether a platform refuses a point that isn't on the curve. Deno doesn't. */
const checksPoints = new WeakMap<SubtleCrypto, Map<string, Promise<boolean>>>();

function checks(subtle: SubtleCrypto, algorithm: EcAlgorithm): Promise<boolean> {
  const name = `${algorithm.name} ${algorithm.namedCurve}`;
  const known = checksPoints.get(subtle) ?? new Map<string, Promise<boolean>>();
  checksPoints.set(subtle, known);
  let answer = known.get(name);
  if (answer === undefined) {
    const size = CURVES[algorithm.namedCurve].lengths.publicKeyUncompressed as number;
    // x = y = 1, which is on none of the three curves.
    const point = Uint8Array.from({ length: size }, (_, i) =>
      i === 0 ? 4 : Number(i === size - 1 || i === (size - 1) / 2),
    );
    answer = importRaw(subtle, algorithm, point).then(
      () => false,
      () => true,
    );
    known.set(name, answer);
  }
  return answer;
}

const importRaw = (subtle: SubtleCrypto, algorithm: EcAlgorithm, point: Uint8Array): Promise<CryptoKey> =>
  subtle.importKey("raw", source(point), algorithm, true, algorithm.name === "ECDSA" ? ["verify"] : []);

/**
 * A public key of the platform for an uncompressed point.
 * @throws CryptoError (or what the platform throws) unless it is one of the curve
 */
export async function importPoint(
  subtle: SubtleCrypto,
  algorithm: EcAlgorithm,
  point: Uint8Array,
): Promise<CryptoKey> {
  // Platforms accept compressed points and some hybrid ones. RFC 9180 and RFC 9420 allow neither.
  if (point[0] !== 0x04) throw new CryptoError(`${algorithm.namedCurve}: expected an uncompressed point`);
  if (!(await checks(subtle, algorithm))) {
    guardSync(`${algorithm.namedCurve}: the point isn't on the curve`, () =>
      CURVES[algorithm.namedCurve].Point.fromBytes(point),
    );
  }
  return importRaw(subtle, algorithm, point);
}
