// RFC 9420 §5.1: public keys come as bytes again and again; importing each once is most of what can be saved.
import { CryptoError, ED25519, mapKey } from "@copse/core/provider";
import { expectLength, isEd25519PublicKey, isX25519PublicKey } from "@copse/provider-kit";

/** How many imported keys one cache keeps: the ones used last. A key costs a few hundred bytes. */
export const PUBLIC_KEY_LIMIT = 1024;

/**
 * Imports public keys through `importKey`, and keeps the last {@link PUBLIC_KEY_LIMIT} of them. A key that is there is
 * given at once. Keys on their way are shared too; what can't be imported isn't remembered.
 */
export function publicKeyCache(
  importKey: (publicKey: Uint8Array) => Promise<CryptoKey>,
  limit: number = PUBLIC_KEY_LIMIT,
): (publicKey: Uint8Array) => CryptoKey | Promise<CryptoKey> {
  // A Map keeps the order of insertion, so that its first entry is the one unused for longest.
  const keys = new Map<string, CryptoKey | Promise<CryptoKey>>();
  return (publicKey) => {
    const name = mapKey(publicKey);
    let key = keys.get(name);
    if (key !== undefined) {
      keys.delete(name);
    } else {
      // Of a copy: it may be read later, when the caller's array has changed.
      const importing = importKey(new Uint8Array(publicKey));
      key = importing;
      const replace = (imported?: CryptoKey) => {
        if (keys.get(name) !== importing) return;
        if (imported === undefined) keys.delete(name);
        // In its place: it isn't used anew.
        else keys.set(name, imported);
      };
      importing.then(replace, () => replace());
      if (keys.size >= limit) keys.delete(keys.keys().next().value as string);
    }
    keys.set(name, key);
    return key;
  };
}

/**
 * Platforms and the library import any 32 bytes, so the point is checked here.
 * @throws CryptoError unless they are a public key (RFC 8032 §5.1.3), and not of low order
 */
export function validateEd25519(publicKey: Uint8Array): void {
  expectLength(publicKey, ED25519.Npk, "ed25519 public key");
  if (!isEd25519PublicKey(publicKey)) throw new CryptoError("ed25519: invalid public key");
}

/**
 * Platforms import any 32 bytes here, too.
 * @throws CryptoError for a point of low order
 */
export function validateX25519(publicKey: Uint8Array): void {
  if (!isX25519PublicKey(publicKey)) throw new CryptoError("X25519: a point of low order");
}
