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

const library = loadOnce("NIST curves", () => import("./library/nist.js"));

/** What a platform does, tried once for each. What fails isn't done. */
const tried = new WeakMap<SubtleCrypto, Map<string, Promise<boolean>>>();

function tryOnce(subtle: SubtleCrypto, what: string, trial: () => Promise<boolean>): Promise<boolean> {
  const known = tried.get(subtle) ?? new Map<string, Promise<boolean>>();
  tried.set(subtle, known);
  const answer = known.get(what) ?? trial().catch(() => false);
  known.set(what, answer);
  return answer;
}

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

/** Whether a platform imports a private key that begins with zeros, and computes the public key that belongs to it. */
function computesPublicKeys(subtle: SubtleCrypto, namedCurve: NistCurve): Promise<boolean> {
  return tryOnce(subtle, `import ${namedCurve}`, async () => {
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
  });
}

/** Whether a platform refuses a point that isn't on the curve. Deno and WebKitGTK don't. */
function checksPoints(subtle: SubtleCrypto, algorithm: EcAlgorithm): Promise<boolean> {
  return tryOnce(subtle, `${algorithm.name} ${algorithm.namedCurve}`, () => {
    const { size } = CURVES[algorithm.namedCurve];
    // x = y = 1, which is on none of the three curves.
    const point = new Uint8Array(1 + 2 * size);
    point.set([4]);
    point.fill(1, size, size + 1).fill(1, 2 * size);
    return importRaw(subtle, algorithm, point).then(
      () => false,
      () => true,
    );
  });
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
  // Platforms accept compressed points and some hybrid ones. RFC 9180 and RFC 9420 allow neither.
  if (point[0] !== 0x04) throw new CryptoError(`${namedCurve}: expected an uncompressed point`);
  if (!(await checksPoints(subtle, algorithm)) && !CURVES[namedCurve].isPublicKey(point)) {
    throw new CryptoError(`${namedCurve}: the point isn't on the curve`);
  }
  return importRaw(subtle, algorithm, point);
}
