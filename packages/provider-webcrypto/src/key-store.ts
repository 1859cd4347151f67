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
  /** The references of all keys. Only {@link sweepKeyStore} asks for them. */
  list?(): Awaitable<Iterable<Uint8Array>>;
}

/**
 * What a saved key begins with: 16 fixed bytes that nothing else begins with, so that keys are found in saved states
 * without reading their formats. The length of the store's reference (uint32) follows, then that, and the public key
 * (`Npk` bytes), which no platform derives from a key that can't be extracted.
 */
const MAGIC = /* @__PURE__ */ Uint8Array.of(
  ...[0x2f, 0x63, 0x6f, 0x70, 0x73, 0x65, 0xb9, 0x47, 0x0d, 0xe2, 0x71, 0x98, 0x5c, 0xf6, 0x13, 0xaa],
);
const HEADER_SIZE = MAGIC.length + 4;

function writeSaved(reference: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const saved = new Uint8Array(HEADER_SIZE + reference.length + publicKey.length);
  saved.set(MAGIC);
  new DataView(saved.buffer).setUint32(MAGIC.length, reference.length);
  saved.set(reference, HEADER_SIZE);
  saved.set(publicKey, HEADER_SIZE + reference.length);
  return saved;
}

/** The reference of a key that was saved at `at`; `undefined` if there is none. */
function referenceAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (at + HEADER_SIZE > bytes.length || MAGIC.some((byte, i) => bytes[at + i] !== byte)) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + MAGIC.length);
  const start = at + HEADER_SIZE;
  return start + length > bytes.length ? undefined : bytes.slice(start, start + length);
}

/**
 * Deletes the keys that nothing needs any more: those of a store that no saved state refers to. A process that ends
 * before it stored what `Group.save` returned leaves such keys, and so does an application that deletes saved states.
 * Call it before states are restored, and while nobody else saves: the keys of a state that isn't stored yet end too.
 * @param store with {@link KeyStore.list}, and with the keys of no others
 * @param saved all states that are kept: what `Group.save`, `Group.saveChanges` and `Client.saveKeyPackages` gave, not
 *   encrypted
 * @returns how many were deleted
 * @throws MlsError `usage` if the store has no `list`
 * @example
 * await sweepKeyStore(keyStore, [...savedGroups, savedKeyPackages]);
 */
export async function sweepKeyStore(store: KeyStore, saved: readonly Uint8Array[]): Promise<number> {
  if (store.list === undefined) throw new MlsError("usage", "expected a key store with `list`");
  // Decimal numbers with commas between: references have any length.
  const needed = new Set<string>();
  for (const bytes of saved) {
    for (
      let at = bytes.indexOf(MAGIC[0] as number);
      at >= 0;
      at = bytes.indexOf(MAGIC[0] as number, at + 1)
    ) {
      const reference = referenceAt(bytes, at);
      if (reference !== undefined) needed.add(reference.join());
    }
  }
  const unneeded = [...(await store.list())].filter((reference) => !needed.has(reference.join()));
  for (const reference of unneeded) await store.delete(reference);
  return unneeded.length;
}

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
