// RFC 9420 §7.5, §7.6: the working group's vectors for TreeKEM, on every provider.

import { hex, toHex } from "@copse/test-support/bytes";
import { forEachVector } from "@copse/test-support/vectors";
import { expect } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { deriveSecret } from "../../src/crypto/labelled.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../../src/provider/interface.js";
import { leafNodeVerifyRequest } from "../../src/tree/leaf-node.js";
import { commonAncestor } from "../../src/tree/math.js";
import { verifyParentHashes } from "../../src/tree/parent-hash.js";
import type { RatchetTree } from "../../src/tree/ratchet-tree.js";
import { keysFromPathSecret, type TreeKeys } from "../../src/tree/tree-keys.js";
import {
  createUpdatePath,
  decryptPathSecret,
  mergeUpdatePath,
  openPathSecret,
} from "../../src/tree/treekem.js";
import { GroupContext } from "../../src/wire/group-context.js";
import type { LeafNode } from "../../src/wire/leaf-node.js";
import { UpdatePath } from "../../src/wire/update-path.js";
import { treeOf } from "../tree/fake-nodes.js";

type Vector = {
  cipher_suite: number;
  group_id: string;
  epoch: number;
  confirmed_transcript_hash: string;
  ratchet_tree: string;
  leaves_private: {
    index: number;
    encryption_priv: string;
    signature_priv: string;
    path_secrets: { node: number; path_secret: string }[];
  }[];
  update_paths: {
    sender: number;
    update_path: string;
    path_secrets: (string | null)[];
    commit_secret: string;
    tree_hash_after: string;
  }[];
};

const NONE: ReadonlySet<number> = new Set();

/** The keys and the signer of a member, each consistent with the tree. */
async function member(
  suite: CipherSuiteProvider,
  tree: RatchetTree,
  secrets: Vector["leaves_private"][number],
): Promise<{ keys: TreeKeys; signer: Signer }> {
  const leaf = tree.leaf(secrets.index) as LeafNode;
  const own = await suite.hpke.importPrivateKey(hex(secrets.encryption_priv));
  expect(toHex(own.publicKey)).toBe(toHex(leaf.encryptionKey));
  const pathKeys = new Map<number, HpkePrivateKey>();
  for (const { node, path_secret } of secrets.path_secrets) {
    const nodeSecret = await deriveSecret(suite, hex(path_secret), "node");
    const pair = await suite.hpke.deriveKeyPair(nodeSecret);
    expect(toHex(pair.publicKey)).toBe(toHex(tree.parentNode(node)?.encryptionKey ?? new Uint8Array()));
    pathKeys.set(node, pair.privateKey);
  }
  const { privateKey, publicKey } = await suite.signature.importPrivateKey(hex(secrets.signature_priv));
  expect(toHex(publicKey)).toBe(toHex(leaf.signatureKey));
  return {
    keys: { leafIndex: secrets.index, leafKey: own.privateKey, pathKeys },
    signer: {
      algorithm: suite.suite.signature,
      publicKey,
      sign: (message) => suite.signature.sign(privateKey, message),
    },
  };
}

forEachVector<Vector>("treekem", async (vector, { suite }) => {
  const groupId = hex(vector.group_id);
  const tree = treeOf(hex(vector.ratchet_tree));
  await verifyParentHashes(suite, tree);
  const context = (treeHash: Uint8Array) =>
    encode(GroupContext, {
      version: 1,
      cipherSuite: vector.cipher_suite,
      groupId,
      epoch: BigInt(vector.epoch),
      treeHash,
      confirmedTranscriptHash: hex(vector.confirmed_transcript_hash),
      extensions: [],
    });
  const members = await Promise.all(vector.leaves_private.map((leaf) => member(suite, tree, leaf)));

  /** Has every other member process a path; gives the keys that they come to. */
  const process = async (
    sender: number,
    path: UpdatePath,
    commitSecret: string,
    pathSecrets: (leaf: number) => string,
  ) => {
    const after = await mergeUpdatePath(suite, tree, sender, path, NONE);
    const groupContext = context(await after.treeHash(suite));
    await verifyParentHashes(suite, after);
    const request = leafNodeVerifyRequest(path.leafNode, groupId, sender);
    expect(await suite.signature.verify(request.publicKey, request.message, request.signature)).toBe(true);
    for (const { keys } of members) {
      if (keys.leafIndex === sender) continue;
      const opened = await openPathSecret(suite, after, keys, sender, path, NONE, groupContext);
      expect(opened.node).toBe(commonAncestor(sender, keys.leafIndex));
      expect(toHex(opened.pathSecret)).toBe(pathSecrets(keys.leafIndex));
      const result = await decryptPathSecret(suite, after, keys, sender, path, NONE, groupContext);
      expect(toHex(result.commitSecret)).toBe(commitSecret);
      for (const node of result.keys.pathKeys.keys()) expect(after.parentNode(node)).toBeDefined();
      // A new member with that path secret would get the same keys from there to the root.
      const bare = { ...keys, pathKeys: new Map() };
      const joined = await keysFromPathSecret(suite, after, bare, sender, opened.pathSecret);
      for (const node of joined.pathKeys.keys()) expect(result.keys.pathKeys.has(node)).toBe(true);
      const above = after
        .filteredDirectPath(sender)
        .slice(opened.position)
        .map(({ node }) => node);
      expect([...joined.pathKeys.keys()]).toEqual(above);
    }
    return after;
  };

  for (const path of vector.update_paths) {
    const updatePath = decode(UpdatePath, hex(path.update_path));
    const after = await process(
      path.sender,
      updatePath,
      path.commit_secret,
      (leaf) => path.path_secrets[leaf] as string,
    );
    expect(toHex(await after.treeHash(suite))).toBe(path.tree_hash_after);

    const sender = members.find(({ keys }) => keys.leafIndex === path.sender);
    if (sender === undefined) throw new Error("every sender is a member");
    const created = await createUpdatePath(suite, tree, {
      sender: path.sender,
      unsignedLeaf: tree.leaf(path.sender) as LeafNode,
      signer: sender.signer,
      groupId,
      exclude: NONE,
      groupContext: context,
    });
    const sent = decode(UpdatePath, encode(UpdatePath, created.updatePath));
    const merged = await process(path.sender, sent, toHex(created.commitSecret), (leaf) =>
      toHex(created.pathSecrets.get(commonAncestor(path.sender, leaf)) ?? new Uint8Array()),
    );
    expect(toHex(await merged.treeHash(suite))).toBe(toHex(await created.tree.treeHash(suite)));
    expect(merged.toNodes()).toEqual(created.tree.toNodes());
  }
});
