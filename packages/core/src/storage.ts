// RFC 9420 §16.2: clients whose state is in a storage. An entry of its own: a page without a storage loads nothing of it.
export type {
  ClientStorage,
  StorageChange,
  StoredEntry,
  VersionStep,
} from "./client/stored/client-storage.js";
export type { StoredStatus } from "./client/stored/entries.js";
export { memoryStorage } from "./client/stored/memory.js";
export { openClient, type StoredClientOptions } from "./client/stored/open-client.js";
export type { WriteMemory } from "./client/stored/sealing/part-list.js";
export { resealStorage } from "./client/stored/sealing/reseal.js";
export { type SealedStorageOptions, sealedStorage } from "./client/stored/sealing/sealed-storage.js";
export {
  type KnownGroup,
  type KnownGroupOptions,
  StoredClient,
} from "./client/stored/stored-client.js";
export type { AppEntry } from "./client/stored/stored-state.js";
export type { EntryChange, WriteOptions } from "./operation/index.js";
export type { StorageCipher, StorageKey } from "./provider/index.js";
