// RFC 5958, RFC 5915, RFC 8410: import of private keys as PKCS#8 without a public key, which the platform computes.
import { fromBase64Url, source } from "./bytes.js";

/** Object identifiers of the curves, encoded. */
const OIDS = {
  X25519: [0x2b, 0x65, 110],
  Ed25519: [0x2b, 0x65, 112],
  "P-256": [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
  "P-384": [0x2b, 0x81, 4, 0, 0x22],
  "P-521": [0x2b, 0x81, 4, 0, 0x23],
} as const;
const EC_PUBLIC_KEY = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

/** A SEQUENCE up to `more` bytes that follow. All lengths here are below 128. */
const sequence = (contents: readonly number[], more: number) => [0x30, contents.length + more, ...contents];

/** PrivateKeyInfo up to the private key, which has `size` bytes. */
function headOf(curve: keyof typeof OIDS, size: number): number[] {
  const isEc = curve.startsWith("P");
  const oids = [...(isEc ? [EC_PUBLIC_KEY] : []), OIDS[curve]];
  const algorithm = sequence(
    oids.flatMap((oid) => [6, oid.length, ...oid]),
    0,
  );
  // ECPrivateKey (RFC 5915 §3), or an OCTET STRING (RFC 8410 §7).
  const inner = isEc ? sequence([2, 1, 1, 4, size], size) : [4, size];
  return sequence([2, 1, 0, ...algorithm, 4, inner.length + size, ...inner], size);
}

/**
 * A private key of the platform for its bytes, and its public key in the fields `x` and `y` of a JWK.
 *
 * The platform shows the public key that it computed only in a JWK of an extractable key. A JWK imports faster than
 * anything else, so that the second import hardly counts.
 */
export async function importPkcs8(
  subtle: SubtleCrypto,
  curve: keyof typeof OIDS,
  bytes: Uint8Array,
  algorithm: KeyAlgorithm | EcKeyAlgorithm,
  extractable: boolean,
  usage: "deriveBits" | "sign",
): Promise<{ jwk: JsonWebKey; privateKey: CryptoKey }> {
  const head = headOf(curve, bytes.length);
  const pkcs8 = new Uint8Array(head.length + bytes.length);
  pkcs8.set(head);
  pkcs8.set(bytes, head.length);
  let key: CryptoKey;
  try {
    key = await subtle.importKey("pkcs8", source(pkcs8), algorithm, true, [usage]);
  } finally {
    pkcs8.fill(0);
  }
  const { kty, crv, d, x, y } = await subtle.exportKey("jwk", key);
  const jwk = { kty, crv, d, x, ...(y !== undefined && { y }) } as JsonWebKey;
  const privateKey = extractable ? key : await subtle.importKey("jwk", jwk, algorithm, false, [usage]);
  return { jwk, privateKey };
}

/** An X25519 or Ed25519 private key of the platform, and its public key, each of 32 bytes. */
export async function importOkp(
  subtle: SubtleCrypto,
  curve: "X25519" | "Ed25519",
  bytes: Uint8Array,
  extractable: boolean,
  usage: "deriveBits" | "sign",
): Promise<{ publicKey: Uint8Array; privateKey: CryptoKey }> {
  const { jwk, privateKey } = await importPkcs8(subtle, curve, bytes, { name: curve }, extractable, usage);
  return { publicKey: fromBase64Url(jwk.x, 32), privateKey };
}
