// W3C WebCrypto: the platform's types, by names that don't need the types of DOM.
import type { Awaitable, SignaturePrivateKey } from "@copse/core/provider";
import { notExtractable } from "./private-keys.js";

/** A `CryptoKey` of the platform. */
export type PlatformKey = typeof globalThis extends { readonly CryptoKey: { readonly prototype: infer Key } }
  ? Key
  : {
      readonly algorithm: { readonly name: string };
      readonly extractable: boolean;
      readonly type: string;
      readonly usages: readonly string[];
    };

/** The platform's `Crypto`. */
export type PlatformCrypto = typeof globalThis extends { readonly crypto: infer Crypto }
  ? Crypto
  : { readonly subtle: object };

/**
 * Where the application keeps CryptoKeys, which IndexedDB stores without giving their bytes away: under
 * references of its own choice. A key is in it from the first time that a state with it is saved until no group needs
 * it any more.
 */
export interface KeyStore {
  /** Stores a private key and returns a reference to it. Called once for each key. */
  put(key: PlatformKey): Awaitable<Uint8Array>;
  /** The key of a reference; `undefined` if it is gone. Rejects if the store can't tell now: then restore is tried again. */
  get(reference: Uint8Array): Awaitable<PlatformKey | undefined>;
  /** Deletes the key of a reference. One that is gone already is no error. */
  delete(reference: Uint8Array): Awaitable<void>;
  /** The references of all keys. Only {@link sweepKeyStore} asks for them. */
  list?(): Awaitable<Iterable<Uint8Array>>;
}

/**
 * The CryptoKey of a signature key's handle: for the application's own store (IndexedDB keeps it, also if
 * it can't be extracted).
 * @throws MlsError `key-not-extractable` if the key is a library's, which no store keeps
 */
export function toCryptoKey(privateKey: SignaturePrivateKey): PlatformKey {
  if ((privateKey as Partial<CryptoKey>).algorithm === undefined) throw notExtractable("this signature");
  return privateKey as object as CryptoKey;
}

/** The handle of a CryptoKey for signing. Whether it fits a suite is checked when it signs. */
export function fromCryptoKey(privateKey: PlatformKey): SignaturePrivateKey {
  return privateKey as object as SignaturePrivateKey;
}
