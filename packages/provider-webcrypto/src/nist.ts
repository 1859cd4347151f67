// FIPS 186-4 D.1.2: what subtle needs to import keys of the NIST curves, and what it must be helped with.
import { CryptoError, concat, equalBytes } from "@copse/core/provider";
import { guardSync, isP256PublicKey, isP384PublicKey, isP521PublicKey } from "@copse/provider-kit";
import { fromBase64Url, source, toBase64Url } from "./bytes.js";
import { loadOnce } from "./on-demand.js";
import { importPkcs8 } from "./pkcs8.js";

/** The bytes of a coordinate and of a private key, and the check of a public key. */
const CURVES = {
  "P-256": { size: 32, isPublicKey: isP256PublicKey },
  "P-384": { size: 48, isPublicKey: isP384PublicKey },
  "P-521": { size: 66, isPublicKey: isP521PublicKey },
};

/** The names that WebCrypto has for the curves. */
export type NistCurve = keyof typeof CURVES;

/** `ECDH` or `ECDSA` over a curve, as subtle has it. */
export interface EcAlgorithm {
  readonly name: "ECDH" | "ECDSA";
  readonly namedCurve: NistCurve;
}

type Usage = "deriveBits" | "sign";
interface ImportedPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: CryptoKey;
}

const library = loadOnce("the library for NIST curves", () => import("./library/nist.js"));

/**
 * A private key of the platform for a scalar, and its public key (an uncompressed point).
 *
 * The platform computes the public key, where it imports a private key without one. Firefox doesn't, and there a library
 * computes it.
 * @throws CryptoError unless `scalar` is a private key of the curve; MlsError `try-again` if the library can't be loaded
 */
export async function importScalar(
  subtle: SubtleCrypto,
  algorithm: EcAlgorithm,
  scalar: Uint8Array,
  extractable: boolean,
  usage: Usage,
): Promise<ImportedPair> {
  const { namedCurve: crv } = algorithm;
  if (await computesPublicKeys(subtle, crv)) {
    return importBare(subtle, algorithm, scalar, extractable, usage);
  }
  const { publicKeyOf } = await library();
  const publicKey = guardSync(`${crv}: invalid private key`, () => publicKeyOf(crv, scalar));
  const [x, y] = [1, 1 + scalar.length].map((at) => toBase64Url(publicKey.subarray(at, at + scalar.length)));
  const jwk = { kty: "EC", crv, d: toBase64Url(scalar), x, y } as JsonWebKey;
  return { publicKey, privateKey: await subtle.importKey("jwk", jwk, algorithm, extractable, [usage]) };
}

/** The same without a library. */
async function importBare(
  subtle: SubtleCrypto,
  algorithm: EcAlgorithm,
  scalar: Uint8Array,
  extractable: boolean,
  usage: Usage,
): Promise<ImportedPair> {
  const { namedCurve } = algorithm;
  const { size } = CURVES[namedCurve];
  const { jwk, privateKey } = await importPkcs8(subtle, namedCurve, scalar, algorithm, extractable, usage);
  const publicKey = concat(Uint8Array.of(4), fromBase64Url(jwk.x, size), fromBase64Url(jwk.y, size));
  return { publicKey, privateKey };
}

/** Which platforms compute public keys of which curves, each tried once. */
const tried = new WeakMap<SubtleCrypto, Map<NistCurve, Promise<boolean>>>();

/** Whether a platform imports a private key that begins with zeros, and computes the public key that belongs to it. */
function computesPublicKeys(subtle: SubtleCrypto, namedCurve: NistCurve): Promise<boolean> {
  const known = tried.get(subtle) ?? new Map<NistCurve, Promise<boolean>>();
  tried.set(subtle, known);
  // One that fails is given no such task: a library can do it.
  const answer = known.get(namedCurve) ?? tryPublicKey(subtle, namedCurve).catch(() => false);
  known.set(namedCurve, answer);
  return answer;
}

async function tryPublicKey(subtle: SubtleCrypto, namedCurve: NistCurve): Promise<boolean> {
  const ecdh = { name: "ECDH", namedCurve } as const;
  const { size } = CURVES[namedCurve];
  const scalar = Uint8Array.from({ length: size }, (_, i) => (i < 2 ? 0 : 7));
  const [bare, fresh] = await Promise.all([
    importBare(subtle, ecdh, scalar, false, "deriveBits"),
    subtle.generateKey(ecdh, false, ["deriveBits"]) as Promise<CryptoKeyPair>,
  ]);
  const secret = async (key: CryptoKey, other: CryptoKey) =>
    new Uint8Array(await subtle.deriveBits({ name: "ECDH", public: other }, key, 8 * size));
  const publicKey = await importRaw(subtle, ecdh, bare.publicKey);
  const secrets = [secret(bare.privateKey, fresh.publicKey), secret(fresh.privateKey, publicKey)] as const;
  return equalBytes(...(await Promise.all(secrets)));
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
  const { namedCurve } = algorithm;
  // Deno and WebKitGTK import points that aren't on the curve, and all platforms compressed ones, or hybrid ones, which RFC
  // 9180 and RFC 9420 don't allow. To check takes a tenth of the time to import.
  if (!CURVES[namedCurve].isPublicKey(point)) {
    throw new CryptoError(`${namedCurve}: expected an uncompressed point of the curve`);
  }
  return importRaw(subtle, algorithm, point);
}
