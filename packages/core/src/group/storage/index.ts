// Groups and key packages as bytes, in formats of this library.

export { flag, later, nested, publicBytes } from "./fields.js";
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
export { loadCandidate, SavedCandidate, saveCandidate } from "./saved-candidate.js";
export {
  loadEpoch,
  loadLedgers,
  SavedChanges,
  SavedLedger,
  SavedMember,
  SavedPieces,
  savedLedgers,
  saveMember,
} from "./saved-epoch.js";
export {
  type LoadedState,
  loadProposal,
  loadState,
  type SavedHeldKeys,
  SavedProposal,
  savedProposal,
  saveState,
} from "./saved-group.js";
export { loadKeyPackages, saveKeyPackages } from "./saved-key-packages.js";
export { saveTree, saveTreeChanges } from "./saved-tree.js";
export { inTurn, saving } from "./stored-key.js";
