// RFC 9420 §4.2, §7.4, §7.5, §12.4.3.1: a member's private view of the tree, and path secrets.
import { EMPTY, equalBytes, wipe } from "../bytes.js";
import { deriveSecret } from "../crypto/index.js";
import { ensure } from "../errors.js";
import { all, type CipherSuiteProvider, type HpkeKeyPair, type HpkePrivateKey } from "../provider/index.js";
import { isLeafBelow } from "./math.js";
import type { RatchetTree } from "./ratchet-tree.js";

/** The private keys of a member, which are those of its leaf and of some nodes above. Immutable. */
export interface TreeKeys {
  readonly leafIndex: number;
  readonly leafKey: HpkePrivateKey;
  /** By node index, of parent nodes only. */
  readonly pathKeys: ReadonlyMap<number, HpkePrivateKey>;
}

/** The same keys without those of nodes that are blank in `tree`: what remains after proposals were applied. */
export function pruneKeys(keys: TreeKeys, tree: RatchetTree): TreeKeys {
  const kept = [...keys.pathKeys].filter(([nodeIndex]) => tree.parentNode(nodeIndex) !== undefined);
  return kept.length === keys.pathKeys.size ? keys : { ...keys, pathKeys: new Map(kept) };
}

/** The private key for one of a resolution's nodes, if the member has one: where it stands, and the key. */
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

/**
 * §7.4: `count` path secrets, from the given one on, each derived from the one before: arrays that are the
 * caller's to wipe, `first` among them.
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

/** §7.4: the key pairs of the nodes that these path secrets belong to. */
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
 * The keys with those that path secrets give in their nodes' places. Each derived public key must be the one in the tree (§7.5, §12.4.3.1).
 *
 * @param nodes node indices with the public keys that stand there, lowest first
 * @returns the keys, and the first node whose public key is another one, for the caller to refuse
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
 * §12.4.3.1, for a join by Welcome whose GroupSecrets have a path secret: the keys with those of the nodes from
 * the lowest common ancestor of the member and the `signer` up to the rootIndex, along the signer's filtered
 * direct path. The path secret stays the caller's to wipe.
 * @throws ValidationError if a derived public key isn't the one in the tree, or the signer is no other member
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
    () => `leaf ${signer}`,
  );
  ensure(
    pathSecret.length === provider.suite.hash.Nh,
    "7.4: a path secret has KDF.Nh bytes",
    () => `${pathSecret.length} bytes`,
  );
  const path = tree.filteredDirectPath(signer).filter(({ node }) => isLeafBelow(keys.leafIndex, node));
  const nodes = path.map(({ node }) => ({ node, publicKey: tree.parentNode(node)?.encryptionKey ?? EMPTY }));
  // A committer that had a path set the common ancestor and all that is above it: no node there is blank.
  const blank = nodes.find(({ publicKey }) => publicKey.length === 0)?.node;
  ensure(
    blank === undefined,
    "12.4.3.1: the nodes that the path secret is for, from the common ancestor up, must not be blank",
    () => `node ${blank}`,
  );
  const secrets = await pathSecretsFrom(provider, pathSecret.slice(), nodes.length);
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
