// RFC 9180 §4: private keys of the library in handles, overwritten when nobody needs them any more.
import type { HpkePrivateKey } from "@copse/core/provider";
import { PrivateKeyHandle } from "@copse/provider-kit";
import type { KemInterface } from "@hpke/core";

/** A key as the library has it: a CryptoKey, or an object of that shape around the key's bytes. */
export type LibraryKey = Awaited<ReturnType<KemInterface["deserializePublicKey"]>>;

/** With its public key, which a receiver's KEM context contains. */
export interface OwnKey {
  readonly publicKey: LibraryKey;
  readonly privateKey: LibraryKey;
  /** How many calls work with it just now: the library reads a key's bytes after it has waited. */
  users: number;
  destroyed: boolean;
}

/** Overwrites the bytes of a key that isn't the platform's, if it was destroyed and no call uses it any more. */
function overwriteUnused({ privateKey, users, destroyed }: OwnKey): void {
  if (destroyed && users === 0) (privateKey as LibraryKey & { readonly key?: Uint8Array }).key?.fill(0);
}

/** @param owner of all keys of a KEM */
export function keyHandle(keys: Omit<OwnKey, "users" | "destroyed">, owner: object): HpkePrivateKey {
  const own: OwnKey = { ...keys, users: 0, destroyed: false };
  return new PrivateKeyHandle(owner, own) as object as HpkePrivateKey;
}

/** Runs a call with a key. @throws CryptoError (rejects) unless it is one of the owner's, and not destroyed */
export async function useKey<T>(
  handle: HpkePrivateKey,
  owner: object,
  name: string,
  call: (own: OwnKey) => T | Promise<T>,
): Promise<T> {
  const own: OwnKey = PrivateKeyHandle.open(handle, owner, name);
  own.users++;
  try {
    return await call(own);
  } finally {
    own.users--;
    overwriteUnused(own);
  }
}

/** Calls that use it now still end. @throws CryptoError unless it is one of the owner's */
export function destroyKey(handle: HpkePrivateKey, owner: object, name: string): void {
  const own = PrivateKeyHandle.take<OwnKey>(handle, owner, name);
  if (own === undefined) return;
  own.destroyed = true;
  overwriteUnused(own);
}
