// RFC 9420 §7.5, §7.6, §12.4: creating, merging and decrypting update paths.
import { EMPTY, equalBytes, wipe } from "../bytes.js";
import { decryptWithLabel, deriveSecret, encryptContext, sealAll } from "../crypto/index.js";
import { ensure, MlsError } from "../errors.js";
import {
  all,
  type CipherSuiteProvider,
  type HpkeKeyPair,
  type HpkePrivateKey,
  type HpkeSealed,
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
import { signLeafNode } from "./leaf-node-signature.js";
import { isLeafBelow } from "./math.js";
import { pathParents } from "./parent-hash.js";
import type { RatchetTree } from "./ratchet-tree.js";
import {
  keyInResolution,
  nodeKeyPairs,
  pathSecretsFrom,
  pruneKeys,
  type TreeKeys,
  withPathSecrets,
} from "./tree-keys.js";

const LABEL = "UpdatePathNode";

export interface CreateUpdatePathOptions {
  /** The leaf index of the committer; of an external one, that of the leftmost blank leaf. */
  readonly sender: number;
  /** What the committer's new leaf node says besides its key and its source. */
  readonly unsignedLeaf: Omit<UnsignedLeafNode, "encryptionKey" | "leafNodeSource">;
  /** Whose public key is the `signatureKey` of `unsignedLeaf`. */
  readonly signer: Signer;
  readonly groupId: Uint8Array;
  /** The indices of the leaves that the same commit adds; they get their path secret by Welcome. */
  readonly exclude: ReadonlySet<number>;
  /** The encoded provisional GroupContext (§12.4.1) for the tree hash of the new tree. */
  readonly groupContext: (treeHash: Uint8Array) => Uint8Array;
}

export interface CreatedUpdatePath {
  /** The tree with the path merged into it. */
  readonly tree: RatchetTree;
  readonly updatePath: UpdatePath;
  /** The committer's keys for that tree. */
  readonly keys: TreeKeys;
  /** `Nh` bytes. A secret, the caller's to wipe. */
  readonly commitSecret: Uint8Array;
  /** By node index of the filtered direct path: for the members that are added. Secrets, the caller's to wipe. */
  readonly pathSecrets: ReadonlyMap<number, Uint8Array>;
}

/** The nodes that a path secret is encrypted to: a resolution without the leaves just added (§7.5). */
function recipients(tree: RatchetTree, copath: number, exclude: ReadonlySet<number>): readonly number[] {
  const resolution = tree.resolution(copath);
  if (exclude.size === 0) return resolution;
  return resolution.filter((nodeIndex) => nodeIndex % 2 === 1 || !exclude.has(nodeIndex / 2));
}

/**
 * §7.5, the sender's part: fresh keys for the committer's leaf and its filtered direct path, and the path
 * secrets encrypted to all other members but those just added. `tree` is the tree with the commit's proposals
 * applied; an external committer's leaf is blank in it, or the next one to its right.
 *
 * In a group of one member no path secret is derived from, so the one that would be the first is the commit
 * secret (only the committer ever needs it).
 */
export async function createUpdatePath(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  options: CreateUpdatePathOptions,
): Promise<CreatedUpdatePath> {
  const { sender, unsignedLeaf, signer, groupId, exclude, groupContext } = options;
  const before = tree.reserve(sender);
  const path = before.filteredDirectPath(sender);
  // One more than the path has nodes: the last is the commit secret.
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
        const publicKey = before.encryptionKey(nodeIndex) as Uint8Array;
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
    const pathKeys = new Map<number, HpkePrivateKey>();
    path.forEach((step, i) => {
      pathKeys.set(step.node, (pairs[i] as HpkeKeyPair).privateKey);
    });
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
 * §7.5, the recipient's first half: checks an update path against the tree with the commit's proposals
 * applied (§12.4.2), and merges it. Whether the leaf node itself is valid (§7.3) is checked elsewhere.
 *
 * @param exclude the indices of the leaves that the same commit adds
 * @throws ValidationError, or CryptoError if a public key of the path is none of the suite's
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
    () => `${nodes.length} nodes for ${path.length}`,
  );
  path.forEach((step, i) => {
    const got = (nodes[i] as UpdatePathNode).encryptedPathSecret.length;
    const expected = recipients(before, step.copath, exclude).length;
    ensure(
      got === expected,
      "7.6: encrypted_path_secret must have one ciphertext for each node of the copath node's resolution",
      () => `${got} for ${expected} at node ${step.node}`,
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

/** A path secret as a recipient finds it in an update path. */
export interface OpenedPathSecret {
  /** The node it belongs to: the lowest common ancestor of sender and recipient. */
  readonly node: number;
  /** Where on the sender's filtered direct path that node is. */
  readonly position: number;
  /** `Nh` bytes. A secret, the caller's to wipe. */
  readonly pathSecret: Uint8Array;
}

/**
 * §7.5, the recipient's second half, steps 1 to 3: decrypts the path secret that is meant for the member whose
 * keys these are. Parameters as for {@link decryptPathSecret}.
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
  if (sender === keys.leafIndex || exclude.has(keys.leafIndex)) {
    throw new MlsError("usage", "an update path has no path secret for its sender, nor for those just added");
  }
  const path = tree.filteredDirectPath(sender);
  const position = path.findIndex((step) => isLeafBelow(keys.leafIndex, step.copath));
  const step = path[position];
  const found = step && keyInResolution(keys, recipients(tree, step.copath, exclude));
  if (step === undefined || found === undefined) {
    throw new MlsError("missing", "no private key here opens any path secret of the update path");
  }
  const ciphertext = updatePath.nodes[position]?.encryptedPathSecret[found.position];
  ensure(
    ciphertext !== undefined,
    "7.6: encrypted_path_secret must have one ciphertext for each node of the copath node's resolution",
  );
  const sealed: HpkeSealed & HPKECiphertext = ciphertext;
  const pathSecret = await decryptWithLabel(provider, found.privateKey, LABEL, groupContext, sealed);
  try {
    ensure(
      pathSecret.length === provider.suite.hash.Nh,
      "7.4: a path secret has KDF.Nh bytes",
      () => `${pathSecret.length} bytes`,
    );
  } catch (error) {
    wipe(pathSecret);
    throw error;
  }
  return { node: step.node, position, pathSecret };
}

/**
 * §7.5, the recipient's second half: decrypts the path secret that is meant for this member, derives those
 * above it, and compares the public keys that come of them with those of the update path.
 *
 * @param tree the tree that {@link mergeUpdatePath} gave
 * @param keys the member's keys as of the commit's proposals: with the new leaf key if one of them updates its leaf
 * @param exclude the indices of the leaves that the same commit adds
 * @param groupContext the encoded provisional GroupContext (§12.4.2)
 * @returns the member's keys for `tree`, and the commit secret: `Nh` bytes, the caller's to wipe
 * @throws ValidationError if a derived key differs; CryptoError if the ciphertext can't be opened;
 *   MlsError `missing` if the member has no key for it
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
