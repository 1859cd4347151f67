// Groups and key packages as bytes, in formats of this library.

export {
  loadParts,
  nameOf,
  type Part,
  partsOf,
  type SecretPart,
  secretPartsOf,
  secretPrefix,
  TREE,
  TREE_CHANGES,
} from "./parts.js";
export { openRecord, sealRecord } from "./record.js";
export { type LoadedState, loadState, saveState } from "./saved-group.js";
export { loadKeyPackages, saveKeyPackages } from "./saved-key-packages.js";
export { saveTree, saveTreeChanges } from "./saved-tree.js";
export { saving } from "./stored-key.js";
