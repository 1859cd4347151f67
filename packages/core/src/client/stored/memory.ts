// A storage that lasts as long as its object: for tests, and for clients that need none of what they were.
import { copySecrets, equalBytes, wipe } from "../../bytes.js";
import type { ClientStorage, StoredEntry } from "./client-storage.js";

/**
 * A storage in memory. Two clients that are opened with one such object are like two processes with one database.
 * @example
 * const client = await openClient({ storage: memoryStorage(), crypto, credential: "alice", authentication });
 */
export function memoryStorage(): ClientStorage {
  const entries = new Map<string, Omit<StoredEntry, "key">>();
  const set = (key: string, value: Uint8Array | undefined, handle?: object) => {
    wipe(entries.get(key)?.value);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { value: new Uint8Array(value), handle });
  };
  return {
    handles: true,
    get(key) {
      const value = entries.get(key)?.value;
      return value && new Uint8Array(value);
    },
    list(prefix) {
      // Keys are ASCII: the order of characters is that of bytes.
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).sort();
      const found = keys.map((key) => entries.get(key) as Omit<StoredEntry, "key">);
      const values = copySecrets(found.map(({ value }) => value));
      return found.map(({ handle }, i) => ({
        key: keys[i] as string,
        value: values[i] as Uint8Array,
        handle,
      }));
    },
    write(changes, steps) {
      for (const { key, from } of steps) {
        const value = entries.get(key)?.value;
        const isSame = value === undefined || from === undefined ? value === from : equalBytes(value, from);
        if (!isSame) return false;
      }
      for (const { key, value, handle } of changes) set(key, value, handle);
      for (const { key, to } of steps) set(key, to);
      return true;
    },
  };
}
