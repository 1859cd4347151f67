// PKCS#11 v2.40 §2.3, SEC 1, RFC 3279: points and signatures as tokens have them, and as MLS has them.
import { CryptoError } from "@copse/core/provider";
import { toDer } from "@copse/provider-kit";

/**
 * A public key from CKA_EC_POINT: the standard says a DER OCTET STRING of the point (BIT STRING for Edwards
 * curves in its version 3), and some tokens give the point as it is.
 * @param size the public key's `Npk` bytes, which tell the forms apart
 * @throws CryptoError if it is none of these
 */
export function publicKeyOfPoint(value: Uint8Array, size: number): Uint8Array {
  if (value.length === size) return Uint8Array.from(value);
  for (const [tag, prefix] of [
    [0x04, []],
    [0x03, [0]],
  ] as const) {
    const header = [tag, ...derLength(size + prefix.length), ...prefix];
    if (value.length === header.length + size && header.every((byte, i) => value[i] === byte)) {
      return Uint8Array.from(value.subarray(header.length));
    }
  }
  throw new CryptoError(
    `the token gives a public key in ${value.length} bytes that are no encoding of an uncompressed point of ${size}`,
  );
}

/** A DER OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([0x04, ...derLength(bytes.length), ...bytes]);
}

/** An ASN.1 PrintableString, by which PKCS#11 v3.0 names curves. */
export function printableString(text: string): Uint8Array {
  return Uint8Array.from([0x13, text.length, ...[...text].map((char) => char.charCodeAt(0))]);
}

/**
 * The DER form (RFC 3279 §2.2.3) of a raw ECDSA signature `r || s`, as CKM_ECDSA gives it.
 * @param size of r and of s, in bytes
 * @throws CryptoError if the token gave something else
 */
export function derSignature(raw: Uint8Array, size: number): Uint8Array {
  if (raw.length !== 2 * size) {
    throw new CryptoError(`expected a signature of ${2 * size} bytes from the token, got ${raw.length}`);
  }
  if (isZero(raw.subarray(0, size)) || isZero(raw.subarray(size))) {
    throw new CryptoError("the token gave a signature with a zero in it");
  }
  return toDer(raw);
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** Length octets below 65536. */
function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
