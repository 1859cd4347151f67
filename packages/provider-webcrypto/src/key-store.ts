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
import type { KeyStore } from "./platform.js";
import { HEADER_SIZE, referenceAt, writeSaved } from "./saved-key.js";

/**
 * DHKEM over the platform's keys, that saves them through `store`.
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
      return writeSaved(reference, publicKeys.get(key) as Uint8Array);
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
      const reference = referenceAt(saved, 0);
      const publicKey = saved.slice(HEADER_SIZE + (reference?.length ?? 0));
      if (reference === undefined || publicKey.length !== Npk) {
        throw new CryptoError(`${name}: invalid saved private key`);
      }
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
      loading = { publicKey, privateKey: key };
      try {
        return chain(kem.generateKeyPair(), (pair) => pair.privateKey);
      } finally {
        loading = undefined;
      }
    },
  };
}
