// RFC 9420 §5.1: the handles by which the protocol holds private keys.
import { CryptoError } from "@copse/core/provider";

/**
 * A private key's handle, around the key in the provider's own type. Its fields are private, so that no log or
 * serialiser shows the key.
 */
export class PrivateKeyHandle<Key> {
  readonly #owner: object;
  #key: Key | undefined;

  /**
   * @param owner whose key it is: an object that stands for one scheme of one provider. Who has the owner can open the
   * handle, so a provider with keys that can't be exported keeps its owner to itself.
   */
  constructor(owner: object, key: Key) {
    this.#owner = owner;
    this.#key = key;
  }

  /**
   * The key in a handle.
   * @param name of the algorithm, for the error
   * @throws CryptoError unless the handle was made for `owner`
   */
  static open<Key>(handle: unknown, owner: object, name: string): Key {
    const key = PrivateKeyHandle.#keyOf<Key>(handle, owner, name);
    if (key === undefined) throw new CryptoError(`${name}: the private key was destroyed`);
    return key;
  }

  /**
   * Empties a handle, for good.
   * @returns the key, which the caller overwrites; `undefined` if the handle was emptied before
   * @throws CryptoError unless the handle was made for `owner`
   */
  static take<Key>(handle: unknown, owner: object, name: string): Key | undefined {
    const key = PrivateKeyHandle.#keyOf<Key>(handle, owner, name);
    (handle as PrivateKeyHandle<Key>).#key = undefined;
    return key;
  }

  static #keyOf<Key>(handle: unknown, owner: object, name: string): Key | undefined {
    if (!(handle instanceof PrivateKeyHandle) || handle.#owner !== owner) {
      throw new CryptoError(`${name}: the private key is not a handle of this provider`);
    }
    return handle.#key;
  }
}
