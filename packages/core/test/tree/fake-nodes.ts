// Nodes for tests of the ratchet tree, with distinct keys and no valid signatures.
import { decode, encode } from "../../src/codec/codec.js";
import { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { basicCredential } from "../../src/wire/credential.js";
import { type Capabilities, type LeafNode, LeafNodeSource } from "../../src/wire/leaf-node.js";
import { type ParentNode, RatchetTreeNodes } from "../../src/wire/ratchet-tree.js";

export const CAPABILITIES: Capabilities = {
  versions: [1],
  cipherSuites: [1, 2],
  extensions: [],
  proposals: [],
  credentials: [1],
};

/** A key that is different for each number. */
export function fakeKey(kind: string, n: number): Uint8Array {
  const key = new Uint8Array(32).fill(kind.charCodeAt(0));
  new DataView(key.buffer).setUint32(8, n);
  return key;
}

/** A leaf node with keys of its own and no valid signature. */
export function fakeLeaf(n: number, capabilities: Capabilities = CAPABILITIES, type = 1): LeafNode {
  return {
    encryptionKey: fakeKey("e", n),
    signatureKey: fakeKey("s", n),
    credential: type === 1 ? basicCredential(`member ${n}`) : { credentialType: type, data: fakeKey("c", n) },
    capabilities,
    leafNodeSource: { type: LeafNodeSource.keyPackage, lifetime: { notBefore: 0n, notAfter: 1n } },
    extensions: [],
    signature: fakeKey("g", n),
  };
}

export function fakeParent(n: number, unmergedLeaves: readonly number[] = []): ParentNode {
  return { encryptionKey: fakeKey("p", n), parentHash: new Uint8Array(0), unmergedLeaves };
}

export const treeOf = (bytes: Uint8Array): RatchetTree =>
  RatchetTree.fromNodes(decode(RatchetTreeNodes, bytes));

export const bytesOf = (tree: RatchetTree): Uint8Array => encode(RatchetTreeNodes, tree.toNodes());

/** The error that `work` ends with. */
export async function errorOf(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("no error was thrown");
}
