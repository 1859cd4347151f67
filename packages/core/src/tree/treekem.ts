// RFC 9420 §7.5, §7.6, §12.4: the creation, merging and decryption of update paths.
import { EMPTY, equalBytes, wipe } from "../bytes.js";
import { decryptWithLabel, deriveSecret, encryptContext, sealAll } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import {
  all,
  type CipherSuiteProvider,
  type HpkeKeyPair,
  type HpkeSealRequest,
  type Signer,
} from "../provider/index.js";
import {
  type HPKECiphertext,
  LeafNodeSource,
  type UnsignedLeafNode,
  type UpdatePath,
  type UpdatePathNode,
} from "../wire/index.js";
import { signLeafNode } from "./leaf-node.js";
import { isLeafBelow } from "./math.js";
import { pathParents } from "./parent-hash.js";
import type { RatchetTree } from "./ratchet-tree.js";
import {
  checkPathSecret,
  keyInResolution,
  nodeKeyPairs,
  pathSecretsFrom,
  pruneKeys,
  type TreeKeys,
  withPathSecrets,
} from "./tree-keys.js";

const LABEL = "UpdatePathNode";

export interface CreateUpdatePathOptions {
  /** The leaf index of the committer: for an external commit, that of the leftmost blank leaf. */
  readonly sender: number;
  /** The other fields of the committer's new leaf node. */
  readonly unsignedLeaf: Omit<UnsignedLeafNode, "encryptionKey" | "leafNodeSource">;
  /** The signer of the new leaf node. Its public key is the `signatureKey` of `unsignedLeaf`. */
  readonly signer: Signer;
  readonly groupId: Uint8Array;
  /** The leaf indices that the same commit adds. These members get their path secret by Welcome. */
  readonly exclude: ReadonlySet<number>;
  /** Encodes the provisional GroupContext (§12.4.1) with the tree hash of the new tree. */
  readonly groupContext: (treeHash: Uint8Array) => Uint8Array;
}

export interface CreatedUpdatePath {
  /** The tree with the path merged into it. */
  readonly tree: RatchetTree;
  readonly updatePath: UpdatePath;
  /** The committer's keys for that tree. */
  readonly keys: TreeKeys;
  /** `KDF.Nh` bytes. The caller must overwrite it. */
  readonly commitSecret: Uint8Array;
  /** The path secrets for the new members, by node index: `KDF.Nh` bytes each. The caller must overwrite them. */
  readonly pathSecrets: ReadonlyMap<number, Uint8Array>;
}

/** The node indices that a path secret is encrypted to: a resolution without the added leaves (§7.5). */
function recipients(tree: RatchetTree, copath: number, exclude: ReadonlySet<number>): readonly number[] {
  const resolution = tree.resolution(copath);
  if (exclude.size === 0) return resolution;
  return resolution.filter((nodeIndex) => nodeIndex % 2 === 1 || !exclude.has(nodeIndex / 2));
}

/**
 * §7.5, the sender's part: makes new keys for the committer's leaf and its filtered direct path, and encrypts the path
 * secrets to all other members except those that the commit adds.
 *
 * In a group of one member the path has no nodes. Then the first path secret is the commit secret, which nobody else
 * needs.
 *
 * @param tree the tree with the commit's proposals applied. The leaf of an external committer is blank in it, or the
 *   next one to its right.
 */
export async function createUpdatePath(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  options: CreateUpdatePathOptions,
): Promise<CreatedUpdatePath> {
  const { sender, unsignedLeaf, signer, groupId, exclude, groupContext } = options;
  const before = tree.reserve(sender);
  const path = before.filteredDirectPath(sender);
  // One more than the path has nodes: the last one is the commit secret.
  const secrets = await pathSecretsFrom(provider, provider.random(provider.suite.hash.Nh), path.length + 1);
  try {
    const pathSecrets = secrets.slice(0, -1);
    const leafPair = await provider.hpke.generateKeyPair();
    const pairs = await nodeKeyPairs(provider, pathSecrets);
    const publicKeys = pairs.map((pair) => pair.publicKey);
    const { parents, leafParentHash } = await pathParents(provider, before, path, publicKeys);
    const leafNode = await signLeafNode(
      signer,
      {
        ...unsignedLeaf,
        // Last: the leaf may be one that has a key already.
        encryptionKey: leafPair.publicKey,
        leafNodeSource: { type: LeafNodeSource.commit, parentHash: leafParentHash },
      },
      { groupId, leafIndex: sender },
    );
    const after = before.withPath(sender, leafNode, parents);
    const info = encryptContext(LABEL, groupContext(await after.treeHash(provider)));
    const requests: HpkeSealRequest[] = [];
    const counts = path.map((step, i) => {
      const nodes = recipients(before, step.copath, exclude);
      for (const nodeIndex of nodes) {
        const publicKey = before.encryptionKey(nodeIndex);
        // Not in a tree that was joined: there it was checked (§12.4.3.1).
        if (publicKey === undefined) throw new MlsError("state", "invalid saved tree");
        requests.push({ publicKey, info, aad: EMPTY, plaintext: pathSecrets[i] as Uint8Array });
      }
      return nodes.length;
    });
    const sealed = await sealAll(provider, requests);
    let next = 0;
    const nodes: UpdatePathNode[] = publicKeys.map((encryptionKey, i) => {
      const first = next;
      next += counts[i] as number;
      return { encryptionKey, encryptedPathSecret: sealed.slice(first, next) };
    });
    const pathKeys = new Map(path.map((step, i) => [step.node, (pairs[i] as HpkeKeyPair).privateKey]));
    return {
      tree: after,
      updatePath: { leafNode, nodes },
      keys: { leafIndex: sender, leafKey: leafPair.privateKey, pathKeys },
      commitSecret: secrets.at(-1) as Uint8Array,
      pathSecrets: new Map(path.map((step, i) => [step.node, pathSecrets[i] as Uint8Array])),
    };
  } catch (error) {
    wipe(...secrets);
    throw error;
  }
}

/**
 * §7.5, the recipient's first part: checks an update path (§12.4.2) and merges it into the tree. The caller must
 * validate the leaf node itself (§7.3).
 *
 * @param tree the tree with the commit's proposals applied
 * @param sender the committer's leaf index
 * @param exclude the leaf indices that the same commit adds
 * @throws ValidationError, or CryptoError if the path has an invalid public key
 */
export async function mergeUpdatePath(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  sender: number,
  updatePath: UpdatePath,
  exclude: ReadonlySet<number>,
): Promise<RatchetTree> {
  const before = tree.reserve(sender);
  const path = before.filteredDirectPath(sender);
  const { leafNode, nodes } = updatePath;
  ensure(
    nodes.length === path.length,
    "7.5: an update path has a node for each node of the sender's filtered direct path",
    () => `expected ${path.length} nodes, got ${nodes.length}`,
  );
  path.forEach((step, i) => {
    const got = (nodes[i] as UpdatePathNode).encryptedPathSecret.length;
    const expected = recipients(before, step.copath, exclude).length;
    ensure(
      got === expected,
      "7.6: encrypted_path_secret must have one ciphertext for each node of the copath node's resolution",
      () => `node ${step.node}: expected ${expected} ciphertexts, got ${got}`,
    );
  });
  const keys = [leafNode.encryptionKey, ...nodes.map((node) => node.encryptionKey)];
  ensure(
    keys.every(
      (key, i) =>
        !before.hasEncryptionKey(key) && keys.every((other, j) => j >= i || !equalBytes(other, key)),
    ),
    "12.4.2: none of the public keys in the UpdatePath may appear in any node of the new ratchet tree",
  );
  const source = leafNode.leafNodeSource;
  ensure(
    source.type === LeafNodeSource.commit,
    "12.4.2: the leaf_node_source of an UpdatePath's leaf node must be commit",
  );
  await all(keys.map((key) => provider.hpke.validatePublicKey(key)));
  const { parents, leafParentHash } = await pathParents(provider, before, path, keys.slice(1));
  ensure(
    equalBytes(source.parentHash, leafParentHash),
    "7.9.2: the leaf node's parent_hash must be the parent hash of its filtered direct path",
  );
  return before.withPath(sender, leafNode, parents);
}

/** A path secret that a recipient decrypted. */
export interface OpenedPathSecret {
  /** The node index that it belongs to: the lowest common ancestor of sender and recipient. */
  readonly node: number;
  /** The position of that node on the sender's filtered direct path. */
  readonly position: number;
  /** `KDF.Nh` bytes. The caller must overwrite it. */
  readonly pathSecret: Uint8Array;
}

/**
 * §7.5, the recipient's second part, steps 1 to 3: decrypts the path secret for the member who has `keys`. Parameters
 * and errors as for {@link decryptPathSecret}.
 */
export async function openPathSecret(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  keys: TreeKeys,
  sender: number,
  updatePath: UpdatePath,
  exclude: ReadonlySet<number>,
  groupContext: Uint8Array,
): Promise<OpenedPathSecret> {
  const path = tree.filteredDirectPath(sender);
  const position = path.findIndex((step) => isLeafBelow(keys.leafIndex, step.copath));
  const step = path[position];
  const found = step && keyInResolution(keys, recipients(tree, step.copath, exclude));
  if (step === undefined || found === undefined) {
    throw new MlsError("missing", "this member has no private key for a path secret of the update path");
  }
  // `mergeUpdatePath` has counted the ciphertexts.
  const ciphertext = updatePath.nodes[position]?.encryptedPathSecret[found.position] as HPKECiphertext;
  const pathSecret = await decryptWithLabel(provider, found.privateKey, LABEL, groupContext, ciphertext);
  try {
    checkPathSecret(provider, pathSecret);
  } catch (error) {
    wipe(pathSecret);
    throw error;
  }
  return { node: step.node, position, pathSecret };
}

/**
 * §7.5, the recipient's second part: decrypts the path secret for this member, derives the path secrets above it, and
 * compares their public keys with those of the update path.
 *
 * @param tree the tree that {@link mergeUpdatePath} returned
 * @param keys the member's keys after the commit's proposals: with the new leaf key if one of them updates its leaf
 * @param sender the committer's leaf index
 * @param exclude the leaf indices that the same commit adds
 * @param groupContext the encoded provisional GroupContext (§12.4.2)
 * @returns the member's keys for `tree`, and the commit secret of `KDF.Nh` bytes, which the caller must overwrite
 * @throws ValidationError if a derived key differs; CryptoError if the ciphertext can't be decrypted; MlsError `missing`
 *   if the member has no key for it, such as the sender and those that the commit adds
 */
export async function decryptPathSecret(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  keys: TreeKeys,
  sender: number,
  updatePath: UpdatePath,
  exclude: ReadonlySet<number>,
  groupContext: Uint8Array,
): Promise<{ keys: TreeKeys; commitSecret: Uint8Array }> {
  const opened = await openPathSecret(provider, tree, keys, sender, updatePath, exclude, groupContext);
  const nodes = tree
    .filteredDirectPath(sender)
    .slice(opened.position)
    .map(({ node }, i) => ({
      node,
      publicKey: (updatePath.nodes[opened.position + i] as UpdatePathNode).encryptionKey,
    }));
  const secrets = await pathSecretsFrom(provider, opened.pathSecret, nodes.length);
  try {
    const { keys: newKeys, differs } = await withPathSecrets(provider, pruneKeys(keys, tree), nodes, secrets);
    ensure(
      differs === undefined,
      "7.5: the derived public keys must be those sent in the UpdatePath",
      () => `node ${differs}`,
    );
    const commitSecret = await deriveSecret(provider, secrets.at(-1) as Uint8Array, "path");
    return { keys: newKeys, commitSecret };
  } finally {
    wipe(...secrets);
  }
}
