// RFC 7515 §2, W3C WebCrypto: bytes and numbers in the forms that `subtle` uses.
import { type Bytes, CryptoError } from "@copse/core/provider";
import { randomBytes } from "@copse/provider-kit";

/** The same bytes for `subtle`: a copy of them, if they are in memory that it doesn't take: shared or resizable (Web IDL). */
export function source(bytes: Uint8Array): Bytes {
  const { buffer } = bytes as { buffer: ArrayBufferLike & { readonly resizable?: boolean } };
  return buffer instanceof ArrayBuffer && !buffer.resizable ? (bytes as Bytes) : new Uint8Array(bytes);
}

/** base64url without padding, of at most a few hundred bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/**
 * The bytes of a member of a JWK.
 * @throws CryptoError unless there are `length` of them
 */
export function fromBase64Url(text: string | undefined, length: number): Uint8Array {
  const binary = atob((text ?? "").replaceAll("-", "+").replaceAll("_", "/"));
  if (binary.length !== length) {
    throw new CryptoError(`expected a key of ${length} bytes from the platform, got ${binary.length}`);
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** What a function for random bytes needs: `crypto`, or as much of it. */
export type RandomSource = Pick<Crypto, "getRandomValues">;

/** `length` bytes. */
export const randomFrom = (crypto: RandomSource, length: number): Uint8Array =>
  randomBytes(length, (bytes) => crypto.getRandomValues(bytes));
