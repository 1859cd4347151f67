// RFC 9420 §7: the ratchet tree in a saved state. It holds no secrets, and so may outlast the keys of its epoch.
import type { Bytes } from "../../bytes.js";
import { decode, encode } from "../../codec/index.js";
import { RatchetTree } from "../../tree/index.js";
import { RatchetTreeNodes } from "../../wire/index.js";
import { SavedChanges } from "./saved-epoch.js";

export async function saveTree(tree: RatchetTree): Promise<Bytes> {
  return encode(RatchetTreeNodes, tree.toNodes());
}

/** @throws DecodeError, MlsError */
export function loadTree(saved: Uint8Array): RatchetTree {
  return RatchetTree.fromNodes(decode(RatchetTreeNodes, saved));
}

/** What must change in a tree to make it another one. */
export function saveTreeChanges(from: RatchetTree, to: RatchetTree): Bytes {
  return encode(SavedChanges, from.changesTo(to));
}

/** A tree after changes, each of which was made to the tree before it. @throws DecodeError, MlsError */
export function withSavedChanges(tree: RatchetTree, changes: readonly Uint8Array[]): RatchetTree {
  return changes.reduce((before, saved) => before.withChanges(decode(SavedChanges, saved)), tree);
}
