// RFC 9420 §4, §7, §12.1, Appendix A, Appendix C: vectors for tree math, ratchet trees and TreeKEM.

import { encode } from "../../packages/core/src/codec/codec.js";
import { signerOf } from "../../packages/core/src/crypto/signer.js";
import {
  createKeyPackage,
  createLeafNode,
  type LeafDescription,
} from "../../packages/core/src/key-package/key-package.js";
import type { CipherSuiteProvider, Signer } from "../../packages/core/src/provider/interface.js";
import { signLeafNode } from "../../packages/core/src/tree/leaf-node.js";
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
import { toHex, type VectorContext } from "./source.js";

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

/** A lifetime that is always valid. */
const ALWAYS = { notBefore: 0n, notAfter: 2n ** 64n - 1n };

interface LeafSecrets {
  readonly signer: Signer;
  readonly signatureKey: Uint8Array;
  readonly leafKey: Uint8Array;
}

/** A ratchet tree with the secrets of all its members. */
export class TestTree {
  readonly groupId: Uint8Array;
  tree: RatchetTree;
  private readonly context: VectorContext;
  private readonly members = new Map<number, LeafSecrets>();
  /** By node index: the path secret from which the node's key pair derives. */
  private readonly pathSecrets = new Map<number, Uint8Array>();
  private memberCount = 0;

  private constructor(context: VectorContext, groupId: Uint8Array, tree: RatchetTree, creator: LeafSecrets) {
    this.context = context;
    this.groupId = groupId;
    this.tree = tree;
    this.members.set(0, creator);
  }

  static async create(context: VectorContext): Promise<TestTree> {
    const groupId = context.source.bytes(32);
    const { signer, privateKey } = await signerPair(context.suite);
    const { leafNode, leafKey } = await createLeafNode(context.suite, signer, describe(context, 0), ALWAYS);
    return new TestTree(context, groupId, RatchetTree.of(leafNode), {
      signer,
      signatureKey: privateKey,
      leafKey: (await context.suite.hpke.exportPrivateKey(leafKey)).slice(),
    });
  }

  /** `get_tree(leaves)` of test-vectors.md: each new member commits the Add of the next one. */
  static async ofSize(context: VectorContext, leaves: number): Promise<TestTree> {
    const testTree = await TestTree.create(context);
    for (let last = 0; last < leaves - 1; last++) await testTree.commit(last, { add: 1 });
    return testTree;
  }

  /** The key package of a new member, and its private keys. */
  async newMember() {
    const { suite } = this.context;
    const { signer, privateKey } = await signerPair(suite);
    const own = await createKeyPackage(suite, signer, describe(this.context, ++this.memberCount), ALWAYS);
    const leafKey = (await suite.hpke.exportPrivateKey(own.leafKey)).slice();
    return { keyPackage: own.keyPackage, secrets: { signer, signatureKey: privateKey, leafKey } };
  }

  /** Adds a member without a path, as an unmerged leaf (§4.1.1). */
  async addUnmerged(): Promise<number> {
    const { keyPackage, secrets } = await this.newMember();
    const { tree, leafIndex } = this.tree.add(keyPackage.leafNode);
    this.tree = tree;
    this.members.set(leafIndex, secrets);
    return leafIndex;
  }

  /** Applies a commit: removes members, adds members, and applies the sender's path. */
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
    const { created, leafKey } = await this.path(sender, added, () => this.context.source.bytes(100));
    this.tree = created.tree;
    for (const [node, secret] of created.pathSecrets) this.pathSecrets.set(node, secret);
    this.members.set(sender, { ...this.secrets(sender), leafKey });
  }

  /** An update path of a member. It isn't applied to this tree. */
  async path(
    sender: number,
    exclude: ReadonlySet<number>,
    groupContext: (treeHash: Uint8Array) => Uint8Array,
  ) {
    const { suite } = this.context;
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
    const { publicKey } = await this.context.suite.hpke.generateKeyPair();
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
    if (found === undefined) throw new Error(`expected the leaf index of a member, got ${leafIndex}`);
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

function describe({ id }: VectorContext, n: number): LeafDescription {
  return {
    credential: basicCredential(`member ${n}`),
    capabilities: { versions: [1], cipherSuites: [id], extensions: [], proposals: [], credentials: [1] },
    extensions: [],
  };
}

/** How a tree is built: those of test-vectors.md, and "small", which has a blank, a path and an unmerged leaf. */
export type Recipe = number | "blanks" | "skipping blanks" | "unmerged" | "figure 20" | "small";

async function treeOf(context: VectorContext, recipe: Recipe): Promise<TestTree> {
  if (typeof recipe === "number") return TestTree.ofSize(context, recipe);
  switch (recipe) {
    case "blanks": {
      const testTree = await TestTree.ofSize(context, 8);
      await testTree.commit(0, { remove: [2, 3], add: 1 });
      return testTree;
    }
    case "skipping blanks": {
      const testTree = await TestTree.ofSize(context, 8);
      await testTree.commit(0, { remove: [1, 2, 3] });
      return testTree;
    }
    case "unmerged": {
      const testTree = await TestTree.ofSize(context, 7);
      await testTree.addUnmerged();
      return testTree;
    }
    case "figure 20": {
      const testTree = await TestTree.ofSize(context, 7);
      await testTree.commit(0, { remove: [5] });
      await testTree.commit(4);
      await testTree.addUnmerged();
      return testTree;
    }
    case "small": {
      const testTree = await TestTree.ofSize(context, 4);
      await testTree.commit(0, { remove: [2] });
      await testTree.addUnmerged();
      return testTree;
    }
  }
}

const bytesOf = (tree: RatchetTree) => encode(RatchetTreeNodes, tree.toNodes());

export async function treeValidation(context: VectorContext, recipe: Recipe) {
  const { tree, groupId } = await treeOf(context, recipe);
  const nodes = Array.from({ length: 2 * tree.width - 1 }, (_, node) => node);
  const hashes = (await tree.nodeHashes(context.suite, nodes)).map(toHex);
  return {
    cipher_suite: context.id,
    tree: toHex(bytesOf(tree)),
    group_id: toHex(groupId),
    resolutions: nodes.map((node) => [...tree.resolution(node)]),
    tree_hashes: hashes,
  };
}

/** The five changes that one proposal can make to a tree. */
export const OPERATIONS = ["extend", "fill", "update", "blank", "truncate"] as const;

export async function treeOperation(context: VectorContext, operation: (typeof OPERATIONS)[number]) {
  const testTree = await TestTree.ofSize(context, operation === "extend" ? 2 : 3);
  if (operation === "fill") await testTree.commit(0, { remove: [1] });
  const before = testTree.tree;
  let sender = 0;
  let proposal: Proposal;
  let after: RatchetTree;
  switch (operation) {
    case "extend":
    case "fill": {
      const { keyPackage } = await testTree.newMember();
      proposal = { proposalType: ProposalType.add, keyPackage };
      after = before.add(keyPackage.leafNode).tree;
      break;
    }
    case "update":
      sender = 2;
      proposal = { proposalType: ProposalType.update, leafNode: await testTree.update(sender) };
      after = before.update(sender, proposal.leafNode);
      break;
    default:
      proposal = { proposalType: ProposalType.remove, removed: operation === "blank" ? 1 : 2 };
      after = before.remove(proposal.removed);
  }
  return {
    cipher_suite: context.id,
    tree_before: toHex(bytesOf(before)),
    proposal: toHex(encode(Proposal, proposal)),
    proposal_sender: sender,
    tree_hash_before: toHex(await before.treeHash(context.suite)),
    tree_after: toHex(bytesOf(after)),
    tree_hash_after: toHex(await after.treeHash(context.suite)),
  };
}

export async function treeKem(context: VectorContext, recipe: Recipe) {
  const { source, suite } = context;
  const testTree = await treeOf(context, recipe);
  const { tree } = testTree;
  const epoch = source.below(2 ** 16);
  const confirmedTranscriptHash = source.bytes(suite.suite.hash.Nh);
  const groupContext = (treeHash: Uint8Array) =>
    encode(GroupContext, {
      version: 1,
      cipherSuite: context.id,
      groupId: testTree.groupId,
      epoch: BigInt(epoch),
      treeHash,
      confirmedTranscriptHash,
      extensions: [],
    });
  const update_paths = [];
  for (const sender of testTree.leafIndices) {
    const { created } = await testTree.path(sender, new Set(), groupContext);
    const path_secrets = Array.from({ length: tree.width }, (_, leafIndex) => {
      if (leafIndex === sender || tree.leaf(leafIndex) === undefined) return null;
      const secret = created.pathSecrets.get(commonAncestor(sender, leafIndex));
      if (secret === undefined)
        throw new Error(`expected a path secret from leaf ${sender} for leaf ${leafIndex}, got none`);
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
    cipher_suite: context.id,
    group_id: toHex(testTree.groupId),
    epoch,
    confirmed_transcript_hash: toHex(confirmedTranscriptHash),
    ratchet_tree: toHex(bytesOf(tree)),
    leaves_private: testTree.leafIndices.map((leafIndex) => testTree.leafPrivate(leafIndex)),
    update_paths,
  };
}
