// RFC 9420 §5.1, §7: HPKE keys that can't be extracted, saved as references into the application's own store.
//
// It is loaded where the application has a key store. Like the modules in `library` it imports nothing of ours but types and
// what nobody else needs, and is handed the rest.
import type { Awaitable, CryptoError, KdfPart, MlsError } from "@copse/core/provider";
import type { DhPrimitives, dhkem, guard, Kem } from "@copse/provider-kit";
import type { KeyStore } from "./platform.js";
import { HEADER_SIZE, referenceAt, sweepStore, writeSaved } from "./saved-key.js";

/** What this needs of ours. */
export interface KeyStoreNeeds {
  readonly CryptoError: typeof CryptoError;
  readonly MlsError: typeof MlsError;
  readonly dhkem: typeof dhkem;
  readonly guard: typeof guard;
}

/**
 * DHKEM over the platform's keys, that saves them through `store`.
 */
export function storedKem(
  { CryptoError, MlsError, dhkem, guard }: KeyStoreNeeds,
  group: DhPrimitives<CryptoKey>,
  kdf: KdfPart,
  store: KeyStore,
): Kem {
  const { name, Npk } = group.algorithm;
  /** Of the keys that are in the store. */
  const references = new WeakMap<CryptoKey, Awaitable<Uint8Array>>();
  /** The same that this provider has put there or read: records that refer to them may be on their way. */
  const held = new Set<string>();

  /** Puts a key into the store, once: two saves at a time wait for the same reference. */
  const stored = async (key: CryptoKey): Promise<Uint8Array> => {
    const known = references.get(key);
    if (known !== undefined) return known;
    const reference = Promise.resolve(store.put(key));
    references.set(key, reference);
    try {
      held.add((await reference).join());
      return await reference;
    } catch (error) {
      references.delete(key);
      throw error;
    }
  };

  return dhkem(
    {
      ...group,
      destroyPrivateKey(key) {
        const reference = references.get(key);
        if (reference === undefined) return;
        references.delete(key);
        return guard(`${name}: deleting the key failed`, async () => {
          const stored = await reference;
          held.delete(stored.join());
          await store.delete(stored);
        });
      },
      sweepPrivateKeys: async (saved) => (store.list === undefined ? 0 : sweepStore(store, saved, held)),
      savePrivateKey: (key, publicKey) =>
        guard(`${name}: storing the key failed`, async () => writeSaved(await stored(key), publicKey)),
      async loadPrivateKey(saved) {
        const reference = referenceAt(saved, 0);
        const publicKey = saved.slice(HEADER_SIZE + (reference?.length ?? 0));
        if (reference === undefined || publicKey.length !== Npk) {
          throw new CryptoError(`${name}: invalid saved private key`);
        }
        let privateKey: CryptoKey | undefined;
        try {
          privateKey = await store.get(reference);
        } catch (cause) {
          throw new MlsError("try-again", `${name}: the key store doesn't answer now`, { cause });
        }
        if (privateKey === undefined)
          throw new MlsError("state", `${name}: the key store doesn't have the private key of this state`);
        if (privateKey.type !== "private")
          throw new CryptoError(`${name}: expected a private key from the key store`);
        references.set(privateKey, reference);
        held.add(reference.join());
        return { publicKey, privateKey };
      },
    },
    kdf,
  );
}
