// RFC 9420 §5.1, §7: HPKE keys that can't be extracted, saved as references into the application's own store.
import { type Awaitable, CryptoError, chain, type HpkePrivateKey, type KdfPart } from "@copse/core/provider";
import { type DhKeyPair, type DhPrimitives, dhkem, guard, type Kem } from "@copse/provider-kit";

/**
 * Where the application keeps CryptoKeys, which IndexedDB stores without giving their bytes away: under
 * references of its own choice. The application also decides when a key is deleted.
 */
export interface KeyStore {
  /** Stores a private key and returns a reference to it. Called each time that a state with the key is saved. */
  put(key: CryptoKey): Awaitable<Uint8Array>;
  /** The key of a reference. Rejects if it is gone. */
  get(reference: Uint8Array): Awaitable<CryptoKey>;
}

/**
 * DHKEM over the platform's keys, that saves them through `store`. What is saved is the public key (`Npk`
 * bytes), which no platform derives from a key that can't be extracted, and then the store's reference.
 */
export function storedKem(group: DhPrimitives<CryptoKey>, kdf: KdfPart, store: KeyStore): Kem {
  const { name, Npk } = group.algorithm;
  const publicKeys = new WeakMap<CryptoKey, Uint8Array>();
  const remember = (answer: Awaitable<DhKeyPair<CryptoKey>>) =>
    chain(answer, (pair) => {
      publicKeys.set(pair.privateKey, pair.publicKey.slice());
      return pair;
    });

  // The kit's handles are closed to all but the group that they were made from. So saving asks the kit for
  // an export, and loading for a fresh pair; both reach the group before the kit returns, in the same turn.
  let saving = false;
  let loading: DhKeyPair<CryptoKey> | undefined;

  const save = (key: CryptoKey) =>
    guard(`${name}: storing the key failed`, async () => {
      const reference = await store.put(key);
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
      const key = await guard(`${name}: loading the key from the key store failed`, () =>
        store.get(saved.slice(Npk)),
      );
      if (key?.type !== "private")
        throw new CryptoError(`${name}: expected a private key from the key store`);
      loading = { publicKey: saved.slice(0, Npk), privateKey: key };
      try {
        return chain(kem.generateKeyPair(), (pair) => pair.privateKey);
      } finally {
        loading = undefined;
      }
    },
  };
}
