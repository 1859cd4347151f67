// Keeps the state of clients in IndexedDB.
export { IndexedDbError, type IndexedDbReason } from "./errors.js";
export { type IndexedDbStorage, type IndexedDbStorageOptions, indexedDbStorage } from "./storage.js";
