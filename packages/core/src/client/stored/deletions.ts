// RFC 9420 §9.2: what a group leaves behind in a storage, in a key store and in a token: nothing.
import { wipe } from "../../bytes.js";
import { destroyKey } from "../../crypto/index.js";
import { type ClientConfig, privateKeysIn, wipeState } from "../../group/index.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import type { StorageChange, VersionStep } from "./client-storage.js";
import { noGroupEntry, prefixOf, readList } from "./entries.js";
import type { Home, StoredGroup } from "./group-writes.js";

/**
 * Adds what deletes all of a group, as it is in the storage now.
 * @returns its private keys, if they are in a key store or a token: they end when that is written
 */
export async function addDeletions(
  { storage, config, newJournal }: Home,
  { name }: StoredGroup,
  changes: StorageChange[],
  steps: VersionStep[],
): Promise<readonly HpkePrivateKey[]> {
  const entries = await readList(storage, prefixOf(name));
  const journal = newJournal(name);
  changes.push(noGroupEntry(name));
  for (const { key, value } of entries) {
    // Compared, so that another opener who writes at the same time leaves nothing either.
    if (key === journal.versionKey) steps.push({ key, from: value.slice(), to: undefined });
    else changes.push({ key, value: undefined });
  }
  try {
    if (config.provider.hpke.savePrivateKey === undefined) return [];
    const loaded = await journal.load({ ...config, own: undefined }, entries);
    if (loaded === undefined) return [];
    const { state, retired, shared } = loaded;
    const keys = [...privateKeysIn(state), ...retired];
    wipeState(state);
    // One of a key package of last resort may be another group's too.
    return keys.filter((key) => key !== shared);
  } catch {
    // What can't be read now is left to a sweep.
    return [];
  } finally {
    wipe(...entries.map(({ value }) => value));
  }
}

/** Ends keys that the storage doesn't refer to any more, each once. */
export function endKeys({ provider }: ClientConfig, ends: HpkePrivateKey[]): void {
  for (const key of ends.splice(0)) destroyKey(provider.hpke, key);
}
