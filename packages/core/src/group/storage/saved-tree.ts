// RFC 9420 §7: the ratchet tree in a saved state. It holds no secrets, and so may outlast the keys of its epoch.
import type { Bytes } from "../../bytes.js";
import { decode, encode, written } from "../../codec/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import { RatchetTree } from "../../tree/index.js";
import { SavedChanges } from "./saved-epoch.js";

/** About as many bytes as a member takes, with a parent: more than that makes the buffer grow. */
const MEMBER_SIZE = 384;

/** A whole tree, with its hashes: so none is computed after it is loaded. */
export async function saveTree(provider: CipherSuiteProvider, tree: RatchetTree): Promise<Bytes> {
  await tree.treeHash(provider);
  return written((writer) => tree.save(writer), MEMBER_SIZE * tree.memberCount);
}

/** @param saved is kept: nodes are decoded when they are asked for. @throws MlsError `state` */
export function loadTree(saved: Uint8Array): RatchetTree {
  return RatchetTree.load(saved);
}

/** What must change in a tree to make it another one. */
export function saveTreeChanges(from: RatchetTree, to: RatchetTree): Bytes {
  return encode(SavedChanges, from.changesTo(to));
}

/** A tree after changes, each of which was made to the tree before it. @throws DecodeError, MlsError */
export function withSavedChanges(tree: RatchetTree, changes: readonly Uint8Array[]): RatchetTree {
  return changes.reduce((before, saved) => before.withChanges(decode(SavedChanges, saved)), tree);
}
