// Groups and key packages as bytes, in formats of the library's own.
export { loadState, type SavePoint, savePoint, saveState } from "./saved-group.js";
export { loadKeyPackages, saveKeyPackages } from "./saved-key-packages.js";
