// Groups and key packages as bytes, in formats of this library.

export { openRecord, sealRecord } from "./record.js";
export { type LoadedState, loadState, type SavePoint, saveState } from "./saved-group.js";
export { loadKeyPackages, saveKeyPackages } from "./saved-key-packages.js";
export { loadTreeRecords, saveTreeRecord } from "./saved-tree.js";
