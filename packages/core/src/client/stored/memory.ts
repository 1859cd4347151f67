// A storage that lasts as long as its object: for tests, and for clients that need none of what they were.
import { equalBytes, wipe } from "../../bytes.js";
import type { ClientStorage, StoredEntry } from "./client-storage.js";

/**
 * A storage in memory. Two clients that are opened with one such object are like two processes with one database.
 * @example
 * const client = await openClient({ storage: memoryStorage(), crypto, credential: "alice", authentication });
 */
export function memoryStorage(): ClientStorage {
  const entries = new Map<string, Uint8Array>();
  const set = (key: string, value: Uint8Array | undefined) => {
    wipe(entries.get(key));
    if (value === undefined) entries.delete(key);
    else entries.set(key, new Uint8Array(value));
  };
  return {
    get(key) {
      const value = entries.get(key);
      return value && new Uint8Array(value);
    },
    list(prefix) {
      const found: StoredEntry[] = [];
      // Keys are ASCII: the order of characters is that of bytes.
      for (const key of [...entries.keys()].sort())
        if (key.startsWith(prefix))
          found.push({ key, value: new Uint8Array(entries.get(key) as Uint8Array) });
      return found;
    },
    write(changes, steps) {
      for (const { key, from } of steps) {
        const value = entries.get(key);
        const isSame = value === undefined || from === undefined ? value === from : equalBytes(value, from);
        if (!isSame) return false;
      }
      for (const { key, value } of changes) set(key, value);
      for (const { key, to } of steps) set(key, to);
      return true;
    },
  };
}
