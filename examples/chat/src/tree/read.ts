// RFC 9420 §7.1, §7.2, §12.4.3.3: what of a ratchet tree is shown, read from its bytes.
import {
  decode,
  opaque,
  optional,
  struct,
  type TypeOf,
  uint8,
  uint16,
  uint32,
  uint64,
  variant,
  vector,
} from "@copse/core/extension";
import { leavesOf } from "./math.js";

const numbers = vector(uint16);
const credential = variant("type", uint16, {
  1: struct({ identity: opaque }),
  2: struct({ certificates: vector(opaque) }),
});
const Leaf = struct({
  encryptionKey: opaque,
  signatureKey: opaque,
  credential,
  capabilities: struct({
    versions: numbers,
    cipherSuites: numbers,
    extensions: numbers,
    proposals: numbers,
    credentials: numbers,
  }),
  source: variant("from", uint8, {
    1: struct({ notBefore: uint64, notAfter: uint64 }),
    2: struct({}),
    3: struct({ parentHash: opaque }),
  }),
  extensions: vector(struct({ type: uint16, data: opaque })),
  signature: opaque,
});
const Parent = struct({ encryptionKey: opaque, parentHash: opaque, unmergedLeaves: vector(uint32) });
const Nodes = vector(
  optional(variant("kind", uint8, { 1: struct({ leaf: Leaf }), 2: struct({ parent: Parent }) })),
);

/** A node that isn't blank. */
export interface TreeNode {
  /** The public key by which those who know its private key are reached. */
  readonly encryptionKey: Uint8Array;
  /** The leaves below a parent that don't know its private key. None for a leaf. */
  readonly unmerged: readonly number[];
  /** Whether it is a leaf whose member has made it in a commit. */
  readonly committed: boolean;
}

/** The nodes of the full tree by their index; `undefined` stands for a blank one. */
export type Tree = readonly (TreeNode | undefined)[];

function nodeOf(node: TypeOf<typeof Nodes>[number]): TreeNode | undefined {
  if (node === undefined) return undefined;
  if (node.kind === 1) {
    const { encryptionKey, source } = node.leaf;
    return { encryptionKey, unmerged: [], committed: source.from === 3 };
  }
  const { encryptionKey, unmergedLeaves } = node.parent;
  return { encryptionKey, unmerged: unmergedLeaves, committed: false };
}

/** @param ratchetTree as a group gives it. @throws MlsError if it is none */
export function readTree(ratchetTree: Uint8Array): Tree {
  const nodes = decode(Nodes, ratchetTree).map(nodeOf);
  const all = 2 * leavesOf(nodes.length) - 1;
  return Array.from({ length: all }, (_, index) => nodes[index]);
}
