// RFC 9420 §9.2: the end of keys in a key store that no saved state needs.
import { MlsError } from "@copse/core/provider";
import type { KeyStore } from "./platform.js";
import { sweepStore } from "./saved-key.js";

/**
 * Deletes the keys that nothing needs any more: those of a store that no saved state refers to. A process that ends
 * before it stored what `Group.save` returned leaves such keys, and so does an application that deletes saved states.
 * Call it before states are restored, and while nobody else saves: the keys of a state that isn't stored yet end too.
 * @param store with {@link KeyStore.list}, and with the keys of no others
 * @param saved all states that are kept: what `Group.save` and `Client.saveKeyPackages` gave, not
 *   encrypted
 * @returns how many were deleted
 * @throws MlsError `usage` if the store has no `list`
 * @example
 * await sweepKeyStore(keyStore, [...savedGroups, savedKeyPackages]);
 */
export async function sweepKeyStore(store: KeyStore, saved: readonly Uint8Array[]): Promise<number> {
  if (store.list === undefined) throw new MlsError("usage", "expected a key store with `list`");
  return sweepStore(store, saved);
}
