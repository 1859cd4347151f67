// RFC 9420 §5.1: public keys come as bytes again and again; importing each once is most of what can be saved.

/** How many imported keys one cache keeps: the ones used last. A key costs a few hundred bytes. */
export const PUBLIC_KEY_LIMIT = 1024;

/**
 * Imports public keys through `importKey`, and keeps the last {@link PUBLIC_KEY_LIMIT} of them. Keys on
 * their way are shared too; what can't be imported isn't remembered.
 */
export function publicKeyCache(
  importKey: (publicKey: Uint8Array) => Promise<CryptoKey>,
  limit: number = PUBLIC_KEY_LIMIT,
): (publicKey: Uint8Array) => Promise<CryptoKey> {
  // A Map keeps the order of insertion, so that its first entry is the one unused for longest.
  const keys = new Map<string, Promise<CryptoKey>>();
  return (publicKey) => {
    const name = String.fromCharCode(...publicKey);
    let key = keys.get(name);
    if (key !== undefined) {
      keys.delete(name);
    } else {
      key = importKey(publicKey);
      const imported = key;
      imported.catch(() => {
        if (keys.get(name) === imported) keys.delete(name);
      });
      if (keys.size >= limit) keys.delete(keys.keys().next().value as string);
    }
    keys.set(name, key);
    return key;
  };
}
