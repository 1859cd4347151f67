// RFC 9420 §5.1, §7: HPKE keys that can't be extracted, saved as references into the application's own store.
import {
  type Awaitable,
  CryptoError,
  chain,
  type HpkePrivateKey,
  type KdfPart,
  MlsError,
} from "@copse/core/provider";
import { type DhKeyPair, type DhPrimitives, dhkem, guard, type Kem } from "@copse/provider-kit";

/**
 * Where the application keeps CryptoKeys, which IndexedDB stores without giving their bytes away: under
 * references of its own choice. A key is in it from the first time that a state with it is saved until no group needs
 * it any more.
 */
export interface KeyStore {
  /** Stores a private key and returns a reference to it. Called once for each key. */
  put(key: CryptoKey): Awaitable<Uint8Array>;
  /** The key of a reference; `undefined` if it is gone. Rejects if the store can't tell now: then restore is tried again. */
  get(reference: Uint8Array): Awaitable<CryptoKey | undefined>;
  /** Deletes the key of a reference. One that is gone already is no error. */
  delete(reference: Uint8Array): Awaitable<void>;
}

/**
 * DHKEM over the platform's keys, that saves them through `store`. What is saved is the public key (`Npk`
 * bytes), which no platform derives from a key that can't be extracted, and then the store's reference.
 */
export function storedKem(group: DhPrimitives<CryptoKey>, kdf: KdfPart, store: KeyStore): Kem {
  const { name, Npk } = group.algorithm;
  const publicKeys = new WeakMap<CryptoKey, Uint8Array>();
  /** Of the keys that are in the store. */
  const references = new WeakMap<CryptoKey, Awaitable<Uint8Array>>();
  const remember = (answer: Awaitable<DhKeyPair<CryptoKey>>) =>
    chain(answer, (pair) => {
      publicKeys.set(pair.privateKey, pair.publicKey.slice());
      return pair;
    });

  // The kit's handles are closed to all but the group that they were made from. So saving asks the kit for
  // an export, and loading for a fresh pair; both reach the group before the kit returns, in the same turn.
  let saving = false;
  let loading: DhKeyPair<CryptoKey> | undefined;

  /** Puts a key into the store, once: two saves at a time wait for the same reference. */
  const stored = async (key: CryptoKey): Promise<Uint8Array> => {
    const known = references.get(key);
    if (known !== undefined) return known;
    const reference = Promise.resolve(store.put(key));
    references.set(key, reference);
    try {
      return await reference;
    } catch (error) {
      references.delete(key);
      throw error;
    }
  };

  const save = (key: CryptoKey) =>
    guard(`${name}: storing the key failed`, async () => {
      const reference = await stored(key);
      const publicKey = publicKeys.get(key) as Uint8Array;
      const saved = new Uint8Array(Npk + reference.length);
      saved.set(publicKey);
      saved.set(reference, Npk);
      return saved;
    });

  const kem = dhkem(
    {
      ...group,
      generateKeyPair: () => remember(loading ?? group.generateKeyPair()),
      importPrivateKey: (bytes) => remember(group.importPrivateKey(bytes)),
      exportPrivateKey: (key) => (saving ? save(key) : group.exportPrivateKey(key)),
      destroyPrivateKey(key) {
        const reference = references.get(key);
        if (reference === undefined) return;
        references.delete(key);
        return guard(`${name}: deleting the key failed`, async () => store.delete(await reference));
      },
    },
    kdf,
  );

  return {
    ...kem,
    savePrivateKey(privateKey) {
      saving = true;
      try {
        return kem.exportPrivateKey(privateKey);
      } finally {
        saving = false;
      }
    },
    async loadPrivateKey(saved): Promise<HpkePrivateKey> {
      if (saved.length < Npk) throw new CryptoError(`${name}: invalid saved private key`);
      const reference = saved.slice(Npk);
      let key: CryptoKey | undefined;
      try {
        key = await store.get(reference);
      } catch (cause) {
        throw new MlsError("try-again", `${name}: the key store doesn't answer now`, { cause });
      }
      if (key === undefined)
        throw new MlsError("state", `${name}: the key store doesn't have the private key of this state`);
      if (key.type !== "private") throw new CryptoError(`${name}: expected a private key from the key store`);
      references.set(key, reference);
      loading = { publicKey: saved.slice(0, Npk), privateKey: key };
      try {
        return chain(kem.generateKeyPair(), (pair) => pair.privateKey);
      } finally {
        loading = undefined;
      }
    },
  };
}
