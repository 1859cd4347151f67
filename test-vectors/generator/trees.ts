// RFC 9420 §4, §7, §12.1, Appendix A, Appendix C: vectors for tree math, ratchet trees and TreeKEM.

import { encode } from "../../packages/core/src/codec/codec.js";
import { signerOf } from "../../packages/core/src/crypto/signer.js";
import {
  createKeyPackage,
  createLeafNode,
  type LeafDescription,
} from "../../packages/core/src/key-package/create.js";
import type { CipherSuiteProvider, Signer } from "../../packages/core/src/provider/interface.js";
import { signLeafNode } from "../../packages/core/src/tree/leaf-node-signature.js";
import {
  commonAncestor,
  left,
  parent,
  right,
  rootIndex,
  sibling,
} from "../../packages/core/src/tree/math.js";
import { RatchetTree } from "../../packages/core/src/tree/ratchet-tree.js";
import { createUpdatePath } from "../../packages/core/src/tree/treekem.js";
import { basicCredential } from "../../packages/core/src/wire/credential.js";
import { GroupContext } from "../../packages/core/src/wire/group-context.js";
import { type LeafNode, LeafNodeSource } from "../../packages/core/src/wire/leaf-node.js";
import { Proposal, ProposalType } from "../../packages/core/src/wire/proposal.js";
import { RatchetTreeNodes } from "../../packages/core/src/wire/ratchet-tree.js";
import { UpdatePath } from "../../packages/core/src/wire/update-path.js";
import { type Maker, toHex } from "./source.js";

export function treeMath(leaves: number) {
  const all = (relation: (node: number) => number | undefined) =>
    Array.from({ length: 2 * leaves - 1 }, (_, node) => relation(node) ?? null);
  return {
    n_leaves: leaves,
    n_nodes: 2 * leaves - 1,
    root: rootIndex(leaves),
    left: all(left),
    right: all(right),
    parent: all((node) => parent(node, leaves)),
    sibling: all((node) => sibling(node, leaves)),
  };
}

/** A signer with a fresh key, and the private key's `Nsk` bytes. */
export async function signerPair(
  suite: CipherSuiteProvider,
): Promise<{ signer: Signer; privateKey: Uint8Array }> {
  const pair = await suite.signature.generateKeyPair();
  return {
    signer: signerOf(suite, pair),
    privateKey: (await suite.signature.exportPrivateKey(pair.privateKey)).slice(),
  };
}

/** Valid whenever somebody looks. */
const ALWAYS = { notBefore: 0n, notAfter: 2n ** 64n - 1n };

interface LeafSecrets {
  readonly signer: Signer;
  readonly signatureKey: Uint8Array;
  readonly leafKey: Uint8Array;
}

/** A ratchet tree with all the secrets of all its members. */
export class Grove {
  readonly groupId: Uint8Array;
  tree: RatchetTree;
  private readonly maker: Maker;
  private readonly members = new Map<number, LeafSecrets>();
  /** By node index: the path secret that the node's key pair came of. */
  private readonly pathSecrets = new Map<number, Uint8Array>();
  private named = 0;

  private constructor(maker: Maker, groupId: Uint8Array, tree: RatchetTree, creator: LeafSecrets) {
    this.maker = maker;
    this.groupId = groupId;
    this.tree = tree;
    this.members.set(0, creator);
  }

  static async create(maker: Maker): Promise<Grove> {
    const groupId = maker.source.bytes(32);
    const { signer, privateKey } = await signerPair(maker.suite);
    const { leafNode, leafKey } = await createLeafNode(maker.suite, signer, describe(maker, 0), ALWAYS);
    return new Grove(maker, groupId, RatchetTree.of(leafNode), {
      signer,
      signatureKey: privateKey,
      leafKey: (await maker.suite.hpke.exportPrivateKey(leafKey)).slice(),
    });
  }

  /** `get_tree(leaves)` of test-vectors.md: the last member who came commits the next one's Add. */
  static async grown(maker: Maker, leaves: number): Promise<Grove> {
    const grove = await Grove.create(maker);
    for (let last = 0; last < leaves - 1; last++) await grove.commit(last, { add: 1 });
    return grove;
  }

  /** A key package, and the secrets of the one whose it is. */
  async newcomer() {
    const { suite } = this.maker;
    const { signer, privateKey } = await signerPair(suite);
    const own = await createKeyPackage(suite, signer, describe(this.maker, ++this.named), ALWAYS);
    const leafKey = (await suite.hpke.exportPrivateKey(own.leafKey)).slice();
    return { keyPackage: own.keyPackage, secrets: { signer, signatureKey: privateKey, leafKey } };
  }

  /** Adds a member without a path: an unmerged leaf (§4.1.1). */
  async addUnmerged(): Promise<number> {
    const { keyPackage, secrets } = await this.newcomer();
    const { tree, leafIndex } = this.tree.add(keyPackage.leafNode);
    this.tree = tree;
    this.members.set(leafIndex, secrets);
    return leafIndex;
  }

  /** A commit with a path, after the members it removes and those it adds. */
  async commit(
    sender: number,
    { remove = [], add = 0 }: { remove?: readonly number[]; add?: number } = {},
  ): Promise<void> {
    for (const leafIndex of remove) {
      this.tree = this.tree.remove(leafIndex);
      this.members.delete(leafIndex);
    }
    const added = new Set<number>();
    for (let i = 0; i < add; i++) added.add(await this.addUnmerged());
    const { created, leafKey } = await this.path(sender, added, () => this.maker.source.bytes(100));
    this.tree = created.tree;
    for (const [node, secret] of created.pathSecrets) this.pathSecrets.set(node, secret);
    this.members.set(sender, { ...this.secrets(sender), leafKey });
  }

  /** An update path of a member, not merged into the tree here. */
  async path(
    sender: number,
    exclude: ReadonlySet<number>,
    groupContext: (treeHash: Uint8Array) => Uint8Array,
  ) {
    const { suite } = this.maker;
    const created = await createUpdatePath(suite, this.tree, {
      sender,
      unsignedLeaf: this.tree.leaf(sender) as LeafNode,
      signer: this.secrets(sender).signer,
      groupId: this.groupId,
      exclude,
      groupContext,
    });
    return { created, leafKey: (await suite.hpke.exportPrivateKey(created.keys.leafKey)).slice() };
  }

  /** A leaf node for an Update proposal (§12.1.2). */
  async update(leafIndex: number): Promise<LeafNode> {
    const { publicKey } = await this.maker.suite.hpke.generateKeyPair();
    const { credential, signatureKey, capabilities, extensions } = this.tree.leaf(leafIndex) as LeafNode;
    return signLeafNode(
      this.secrets(leafIndex).signer,
      {
        encryptionKey: publicKey,
        signatureKey,
        credential,
        capabilities,
        leafNodeSource: { type: LeafNodeSource.update },
        extensions,
      },
      { groupId: this.groupId, leafIndex },
    );
  }

  get leafIndices(): number[] {
    return [...this.members.keys()].sort((a, b) => a - b);
  }

  private secrets(leafIndex: number): LeafSecrets {
    const found = this.members.get(leafIndex);
    if (found === undefined) throw new Error(`no member at leaf ${leafIndex}`);
    return found;
  }

  /** `leaves_private` of the TreeKEM vectors. */
  leafPrivate(leafIndex: number) {
    const { leafKey, signatureKey } = this.secrets(leafIndex);
    const path_secrets = [];
    for (let node = parent(2 * leafIndex, this.tree.width); node !== undefined; ) {
      const there = this.tree.parentNode(node);
      const secret = this.pathSecrets.get(node);
      if (there !== undefined && secret !== undefined && !there.unmergedLeaves.includes(leafIndex)) {
        path_secrets.push({ node, path_secret: toHex(secret) });
      }
      node = parent(node, this.tree.width);
    }
    return {
      index: leafIndex,
      encryption_priv: toHex(leafKey),
      signature_priv: toHex(signatureKey),
      path_secrets,
    };
  }
}

function describe({ id }: Maker, n: number): LeafDescription {
  return {
    credential: basicCredential(`member ${n}`),
    capabilities: { versions: [1], cipherSuites: [id], extensions: [], proposals: [], credentials: [1] },
    extensions: [],
  };
}

/** How a tree comes about: the trees of test-vectors.md, and a small one that has some of everything. */
export type Recipe = number | "blanks" | "skipping blanks" | "unmerged" | "figure 20" | "small";

async function grow(maker: Maker, recipe: Recipe): Promise<Grove> {
  if (typeof recipe === "number") return Grove.grown(maker, recipe);
  switch (recipe) {
    case "blanks": {
      const grove = await Grove.grown(maker, 8);
      await grove.commit(0, { remove: [2, 3], add: 1 });
      return grove;
    }
    case "skipping blanks": {
      const grove = await Grove.grown(maker, 8);
      await grove.commit(0, { remove: [1, 2, 3] });
      return grove;
    }
    case "unmerged": {
      const grove = await Grove.grown(maker, 7);
      await grove.addUnmerged();
      return grove;
    }
    case "figure 20": {
      const grove = await Grove.grown(maker, 7);
      await grove.commit(0, { remove: [5] });
      await grove.commit(4);
      await grove.addUnmerged();
      return grove;
    }
    case "small": {
      const grove = await Grove.grown(maker, 4);
      await grove.commit(0, { remove: [2] });
      await grove.addUnmerged();
      return grove;
    }
  }
}

const bytesOf = (tree: RatchetTree) => encode(RatchetTreeNodes, tree.toNodes());

export async function treeValidation(maker: Maker, recipe: Recipe) {
  const { tree, groupId } = await grow(maker, recipe);
  const nodes = Array.from({ length: 2 * tree.width - 1 }, (_, node) => node);
  const hashes = [];
  for (const node of nodes) hashes.push(toHex(await tree.nodeHash(maker.suite, node)));
  return {
    cipher_suite: maker.id,
    tree: toHex(bytesOf(tree)),
    group_id: toHex(groupId),
    resolutions: nodes.map((node) => [...tree.resolution(node)]),
    tree_hashes: hashes,
  };
}

/** The five ways in which one proposal can change a tree. */
export const OPERATIONS = ["extend", "fill", "update", "blank", "truncate"] as const;

export async function treeOperation(maker: Maker, operation: (typeof OPERATIONS)[number]) {
  const grove = await Grove.grown(maker, operation === "extend" ? 2 : 3);
  if (operation === "fill") await grove.commit(0, { remove: [1] });
  const before = grove.tree;
  let sender = 0;
  let proposal: Proposal;
  let after: RatchetTree;
  switch (operation) {
    case "extend":
    case "fill": {
      const { keyPackage } = await grove.newcomer();
      proposal = { proposalType: ProposalType.add, keyPackage };
      after = before.add(keyPackage.leafNode).tree;
      break;
    }
    case "update":
      sender = 2;
      proposal = { proposalType: ProposalType.update, leafNode: await grove.update(sender) };
      after = before.update(sender, proposal.leafNode);
      break;
    default:
      proposal = { proposalType: ProposalType.remove, removed: operation === "blank" ? 1 : 2 };
      after = before.remove(proposal.removed);
  }
  return {
    cipher_suite: maker.id,
    tree_before: toHex(bytesOf(before)),
    proposal: toHex(encode(Proposal, proposal)),
    proposal_sender: sender,
    tree_hash_before: toHex(await before.treeHash(maker.suite)),
    tree_after: toHex(bytesOf(after)),
    tree_hash_after: toHex(await after.treeHash(maker.suite)),
  };
}

export async function treeKem(maker: Maker, recipe: Recipe) {
  const { source, suite } = maker;
  const grove = await grow(maker, recipe);
  const { tree } = grove;
  const epoch = source.below(2 ** 16);
  const confirmedTranscriptHash = source.bytes(suite.suite.hash.Nh);
  const context = (treeHash: Uint8Array) =>
    encode(GroupContext, {
      version: 1,
      cipherSuite: maker.id,
      groupId: grove.groupId,
      epoch: BigInt(epoch),
      treeHash,
      confirmedTranscriptHash,
      extensions: [],
    });
  const update_paths = [];
  for (const sender of grove.leafIndices) {
    const { created } = await grove.path(sender, new Set(), context);
    const path_secrets = Array.from({ length: tree.width }, (_, leafIndex) => {
      if (leafIndex === sender || tree.leaf(leafIndex) === undefined) return null;
      const secret = created.pathSecrets.get(commonAncestor(sender, leafIndex));
      if (secret === undefined) throw new Error(`no path secret of ${sender} for ${leafIndex}`);
      return toHex(secret);
    });
    update_paths.push({
      sender,
      update_path: toHex(encode(UpdatePath, created.updatePath)),
      path_secrets,
      commit_secret: toHex(created.commitSecret),
      tree_hash_after: toHex(await created.tree.treeHash(suite)),
    });
  }
  return {
    cipher_suite: maker.id,
    group_id: toHex(grove.groupId),
    epoch,
    confirmed_transcript_hash: toHex(confirmedTranscriptHash),
    ratchet_tree: toHex(bytesOf(tree)),
    leaves_private: grove.leafIndices.map((leafIndex) => grove.leafPrivate(leafIndex)),
    update_paths,
  };
}
