// RFC 9420 §4.2, §7.4, §7.5, §12.4.3.1: a member's private keys in the tree, and path secrets.
import { copySecret, EMPTY, equalBytes, wipe } from "../bytes.js";
import { deriveSecret } from "../crypto/index.js";
import { ensure } from "../errors.js";
import { all, type CipherSuiteProvider, type HpkeKeyPair, type HpkePrivateKey } from "../provider/index.js";
import { isLeafBelow } from "./math.js";
import type { RatchetTree } from "./ratchet-tree.js";

/** The private keys of a member: that of its leaf, and those that it knows of the nodes above. Immutable. */
export interface TreeKeys {
  readonly leafIndex: number;
  readonly leafKey: HpkePrivateKey;
  /** The keys of parent nodes, by node index. */
  readonly pathKeys: ReadonlyMap<number, HpkePrivateKey>;
}

/** In the place of a leaf key that a member who left doesn't have any more. */
export const NO_KEY = /* @__PURE__ */ Object.freeze({}) as HpkePrivateKey;

/** The keys without those of nodes that are blank in `tree`, because proposals were applied. */
export function pruneKeys(keys: TreeKeys, tree: RatchetTree): TreeKeys {
  const blank = [...keys.pathKeys.keys()].filter((nodeIndex) => tree.parentNode(nodeIndex) === undefined);
  if (blank.length === 0) return keys;
  const pathKeys = new Map(keys.pathKeys);
  for (const nodeIndex of blank) pathKeys.delete(nodeIndex);
  return { ...keys, pathKeys };
}

/** The first node of a resolution whose private key the member has: its position in the list, and the key. */
export function keyInResolution(
  keys: TreeKeys,
  resolution: readonly number[],
): { position: number; privateKey: HpkePrivateKey } | undefined {
  for (const [position, nodeIndex] of resolution.entries()) {
    const privateKey = nodeIndex === 2 * keys.leafIndex ? keys.leafKey : keys.pathKeys.get(nodeIndex);
    if (privateKey !== undefined) return { position, privateKey };
  }
  return undefined;
}

/** Checks the size of a received path secret. @throws ValidationError */
export function checkPathSecret({ suite }: CipherSuiteProvider, { length }: Uint8Array): void {
  const { Nh } = suite.hash;
  ensure(length === Nh, "7.4: a path secret has KDF.Nh bytes", () => `expected ${Nh} bytes, got ${length}`);
}

/**
 * §7.4: `count` path secrets of `KDF.Nh` bytes, of which `first` is the first and each of the others is derived from the
 * one before. The caller must overwrite them all, `first` included. If the derivation fails, they are overwritten.
 */
export async function pathSecretsFrom(
  provider: CipherSuiteProvider,
  first: Uint8Array,
  count: number,
): Promise<Uint8Array[]> {
  const secrets = [first];
  try {
    while (secrets.length < count) {
      secrets.push(await deriveSecret(provider, secrets.at(-1) as Uint8Array, "path"));
    }
    return secrets;
  } catch (error) {
    wipe(...secrets);
    throw error;
  }
}

/** §7.4: the key pairs of the nodes that path secrets belong to. */
export async function nodeKeyPairs(
  provider: CipherSuiteProvider,
  pathSecrets: readonly Uint8Array[],
): Promise<HpkeKeyPair[]> {
  const nodeSecrets = await all(pathSecrets.map((secret) => deriveSecret(provider, secret, "node")));
  try {
    return await all(nodeSecrets.map((secret) => provider.hpke.deriveKeyPair(secret)));
  } finally {
    wipe(...nodeSecrets);
  }
}

/**
 * Adds the keys that path secrets give, and compares their public keys with those in the tree (§7.5, §12.4.3.1).
 *
 * @param nodes node indices with the public keys of the nodes, from the lowest node up
 * @param pathSecrets one for each node; not overwritten
 * @returns the keys, and the node index of the first node whose public key differs, which the caller must refuse
 */
export async function withPathSecrets(
  provider: CipherSuiteProvider,
  keys: TreeKeys,
  nodes: readonly { readonly node: number; readonly publicKey: Uint8Array }[],
  pathSecrets: readonly Uint8Array[],
): Promise<{ keys: TreeKeys; differs: number | undefined }> {
  const pairs = await nodeKeyPairs(provider, pathSecrets);
  const pathKeys = new Map(keys.pathKeys);
  let differs: number | undefined;
  for (const [i, { node, publicKey }] of nodes.entries()) {
    const pair = pairs[i] as HpkeKeyPair;
    if (!equalBytes(pair.publicKey, publicKey)) differs ??= node;
    pathKeys.set(node, pair.privateKey);
  }
  return { keys: { ...keys, pathKeys }, differs };
}

/**
 * §12.4.3.1: the keys of a new member whose GroupSecrets have a path secret. It gives the keys of the nodes of the
 * signer's filtered direct path from the lowest common ancestor of the member and the signer up to the root.
 * @param signer the leaf index of the signer of the GroupInfo
 * @param pathSecret `KDF.Nh` bytes; the caller must overwrite it
 * @throws ValidationError if a derived public key is not the one in the tree, or the signer is not another member
 */
export async function keysFromPathSecret(
  provider: CipherSuiteProvider,
  tree: RatchetTree,
  keys: TreeKeys,
  signer: number,
  pathSecret: Uint8Array,
): Promise<TreeKeys> {
  ensure(
    signer !== keys.leafIndex && tree.leaf(signer) !== undefined,
    "12.4.3.1: the signer must be another member",
    () => `leaf index ${signer}`,
  );
  checkPathSecret(provider, pathSecret);
  const path = tree.filteredDirectPath(signer).filter(({ node }) => isLeafBelow(keys.leafIndex, node));
  const nodes = path.map(({ node }) => ({ node, publicKey: tree.parentNode(node)?.encryptionKey ?? EMPTY }));
  // The committer's path set the common ancestor and all of its filtered direct path above: none of them is blank.
  const blank = nodes.find(({ publicKey }) => publicKey.length === 0)?.node;
  ensure(
    blank === undefined,
    "12.4.3.1: the nodes that the path secret is for, from the common ancestor up, must not be blank",
    () => `node ${blank}`,
  );
  const secrets = await pathSecretsFrom(provider, copySecret(pathSecret), nodes.length);
  try {
    const { keys: complete, differs } = await withPathSecrets(provider, keys, nodes, secrets);
    ensure(
      differs === undefined,
      "12.4.3.1: the path secret's private keys must correspond to the public keys in the tree",
      () => `node ${differs}`,
    );
    return complete;
  } finally {
    wipe(...secrets);
  }
}
