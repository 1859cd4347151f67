// RFC 9420 §16.2: private keys in saved records: their bytes, or references to a key store or a token.
import { type CopySecret, EMPTY, equalBytes, wipe } from "../../bytes.js";
import { importLater } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import {
  type Awaitable,
  type CipherSuiteProvider,
  chain,
  type HpkePrivateKey,
  isPromise,
} from "../../provider/index.js";
import type { SecretPiece, SecretTree } from "../../schedule/index.js";
import { NO_KEY } from "../../tree/index.js";

/** Makes the secret parts of one record. */
export interface Saver {
  /** A private key as bytes. @throws MlsError `key-not-extractable` if the provider neither exports nor saves it */
  key(key: HpkePrivateKey): Promise<Uint8Array>;
  secretTree(tree: SecretTree): SecretPiece[];
  /** A part that has secrets. */
  secret(bytes: Uint8Array): Uint8Array;
}

/** Runs `work`, which makes a record, and then overwrites the secret parts, of which the record has copies. */
export async function saving<T>(
  { hpke }: CipherSuiteProvider,
  work: (save: Saver) => Promise<T>,
): Promise<T> {
  const parts: Uint8Array[] = [];
  const part = (bytes: Uint8Array) => {
    parts.push(bytes);
    return bytes;
  };
  const save: Saver = {
    key: async (key) =>
      key === NO_KEY ? EMPTY : part(await (hpke.savePrivateKey ?? hpke.exportPrivateKey).call(hpke, key)),
    secretTree: (tree) => {
      const pieces = tree.pieces.all();
      for (const { bytes } of pieces) part(bytes);
      return pieces;
    },
    secret: part,
  };
  try {
    return await work(save);
  } finally {
    wipe(...parts);
  }
}

/** The results of `work` for each item, one after the other: a token answers one call at a time. */
export async function inTurn<T, R>(items: Iterable<T>, work: (item: T) => Awaitable<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    const result = work(item);
    results.push(isPromise(result) ? await result : result);
  }
  return results;
}

/**
 * Loads a key that {@link Saver.key} saved.
 * @param saved is kept as long as this function
 * @throws CryptoError, MlsError `state`
 */
export type LoadKey = (saved: Uint8Array) => Awaitable<HpkePrivateKey>;

/**
 * For the keys of one saved state. Those of a key store or a token are looked up at once, so that one that can't be had now is
 * told before the state is used. Others are imported when they are first used.
 *
 * A key that stands in several places, such as a leaf key in the present epoch and in a staged commit, gets one handle: of
 * two, the one that isn't needed any more would end the key in its store for the other.
 */
export function keyLoader({ hpke }: CipherSuiteProvider, copy?: CopySecret): LoadKey {
  const loaded: { readonly saved: Uint8Array; readonly privateKey: HpkePrivateKey }[] = [];
  const make = (saved: Uint8Array) =>
    hpke.loadPrivateKey?.(saved) ??
    importLater(hpke, saved, copy) ??
    chain(hpke.importPrivateKey(saved), ({ privateKey }) => privateKey);
  return (saved) => {
    if (saved.length === 0) return NO_KEY;
    const found = loaded.find((one) => equalBytes(one.saved, saved));
    if (found !== undefined) return found.privateKey;
    return chain(make(saved), (privateKey) => {
      loaded.push({ saved, privateKey });
      return privateKey;
    });
  };
}

/** The key; none if it has ended since. @throws MlsError `try-again` */
export async function loadIfThere(load: LoadKey, saved: Uint8Array): Promise<HpkePrivateKey[]> {
  try {
    return [await load(saved)];
  } catch (error) {
    if (error instanceof MlsError && (error.code === "state" || error.code === "crypto")) return [];
    throw error;
  }
}
