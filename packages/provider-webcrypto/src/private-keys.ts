// RFC 9420 §5.1: export of private keys, and the error where they stay in the platform.
import { CryptoError, MlsError } from "@copse/core/provider";
import { fromBase64Url } from "./bytes.js";

/** The error for a private key that can't be exported. */
export function notExtractable(what: string): MlsError {
  return new MlsError(
    "key-not-extractable",
    `the private key for ${what} stays inside this provider: make the provider with extractable: true to ` +
      "export keys, or with a keyStore to save references to them",
  );
}

/** The object that a storage keeps: a key that can't be extracted. */
export function handleOf(key: CryptoKey): CryptoKey | undefined {
  return key.extractable ? undefined : key;
}

/**
 * The private key's `length` bytes.
 * @throws MlsError `key-not-extractable`
 */
export async function exportScalar(
  subtle: SubtleCrypto,
  key: CryptoKey,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (!key.extractable) throw notExtractable(what);
  const { d } = await subtle.exportKey("jwk", key);
  return fromBase64Url(d, length);
}

/**
 * Checks that a handle is a private key of the platform's, for this algorithm and curve.
 * @throws CryptoError
 */
export function expectPrivateKey(
  handle: object,
  algorithm: EcKeyAlgorithm | KeyAlgorithm,
  what: string,
): CryptoKey {
  const key = handle as Partial<CryptoKey>;
  const { name, namedCurve } = (key.algorithm ?? {}) as Partial<EcKeyAlgorithm>;
  const wantedCurve = "namedCurve" in algorithm ? algorithm.namedCurve : undefined;
  // On workerd a key's properties are its own, so that a copy `{ ...key }` has them too. But it is a plain object.
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(handle));
  if (
    isPlain ||
    key.type !== "private" ||
    name !== algorithm.name ||
    (wantedCurve && namedCurve !== wantedCurve)
  ) {
    throw new CryptoError(`${what}: the private key is not a handle of this provider`);
  }
  return handle as CryptoKey;
}
