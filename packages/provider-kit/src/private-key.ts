// RFC 9420 §5.1: the handles by which the protocol holds private keys.
import { CryptoError } from "@copse/core/provider";

/**
 * Keys and their owners by the handles. Not in private fields: compilers for engines without these, such as that of React
 * Native, make properties of them, which a log or a serialiser may show.
 */
const kept = new WeakMap<object, { readonly owner: object; key: unknown }>();

/** A private key's handle, which stands for the key in the provider's own type and shows nothing of it. */
export class PrivateKeyHandle<Key> {
  /**
   * @param owner whose key it is: an object that stands for one scheme of one provider. Who has the owner can open the
   * handle, so a provider with keys that can't be exported keeps its owner to itself.
   */
  constructor(owner: object, key: Key) {
    kept.set(this, { owner, key });
  }

  /**
   * The key in a handle.
   * @param name of the algorithm, for the error
   * @throws CryptoError unless the handle was made for `owner`
   */
  static open<Key>(handle: unknown, owner: object, name: string): Key {
    const { key } = find<Key>(handle, owner, name);
    if (key === undefined) throw new CryptoError(`${name}: the private key was destroyed`);
    return key;
  }

  /**
   * Empties a handle, for good.
   * @returns the key, which the caller overwrites; `undefined` if the handle was emptied before
   * @throws CryptoError unless the handle was made for `owner`
   */
  static take<Key>(handle: unknown, owner: object, name: string): Key | undefined {
    const found = find<Key>(handle, owner, name);
    const { key } = found;
    found.key = undefined;
    return key;
  }
}

function find<Key>(handle: unknown, owner: object, name: string): { key: Key | undefined } {
  const found = kept.get(handle as object);
  if (found?.owner !== owner) {
    throw new CryptoError(`${name}: the private key is not a handle of this provider`);
  }
  return found as { key: Key | undefined };
}
