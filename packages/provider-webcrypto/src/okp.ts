// RFC 8037, RFC 8410: import of the platform's X25519 and Ed25519 private keys.
import { fromBase64Url } from "./bytes.js";

/** The last number of the curve's object identifier, 1.3.101.x (RFC 8410 §3). */
const OID_ARC = { X25519: 110, Ed25519: 112 } as const;

/** Of a private key and of a public key. */
const SIZE = 32;

/**
 * A private key of the platform for its 32 bytes, and its public key.
 *
 * The platform computes the public key of what it imports from PKCS#8, but shows it only in a JWK of an extractable
 * key. A JWK imports faster than anything else, so that the second import hardly counts.
 */
export async function importOkp(
  subtle: SubtleCrypto,
  curve: keyof typeof OID_ARC,
  bytes: Uint8Array,
  extractable: boolean,
  usage: "deriveBits" | "sign",
): Promise<{ publicKey: Uint8Array; privateKey: CryptoKey }> {
  const algorithm = { name: curve };
  // PrivateKeyInfo (RFC 8410 §7) up to the key's bytes.
  const head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, OID_ARC[curve], 4, 0x22, 4, 0x20];
  const pkcs8 = new Uint8Array(head.length + bytes.length);
  pkcs8.set(head);
  pkcs8.set(bytes, head.length);
  const key = await subtle.importKey("pkcs8", pkcs8, algorithm, true, [usage]);
  pkcs8.fill(0);
  const { kty, crv, d, x } = await subtle.exportKey("jwk", key);
  const publicKey = fromBase64Url(x, SIZE);
  if (extractable) return { publicKey, privateKey: key };
  const jwk = { kty, crv, d, x } as JsonWebKey;
  return { publicKey, privateKey: await subtle.importKey("jwk", jwk, algorithm, false, [usage]) };
}
