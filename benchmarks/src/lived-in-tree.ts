// RFC 9420 §7.6, §7.8, §7.9: a ratchet tree as it stands when every member has committed once, from left to right,
// and no parent is blank: made directly, in a time that is linear in its size.
//
// The commits themselves aren't made: 10,000 commits with 10,000 members who process each would take days. What
// they leave behind is known. Every leaf node comes from a commit. A parent was set last by the rightmost leaf below
// it, so its chain of parent hashes comes up from its right child, and the hash of its left child's tree is the one
// of the finished tree. What a left child says of its parent belongs to a node that was overwritten since: it is as
// good as random. Nobody has the parents' private keys, and nobody needs them but those who are measured: they join,
// and commit once themselves.
import type { Awaitable, CipherSuiteProvider } from "@copse/core";
import { isPromise } from "@copse/core/provider";
import { concat } from "./bytes.js";
import { signContent, text, uint, vector, vectorOf } from "./tls.js";

export interface LivedInGroup {
  /** An encoded MLSMessage, with the tree, by which a member can join with an external commit. */
  readonly groupInfo: Uint8Array;
  /** Leaves that are blank and wait for those who are measured, in the order in which they are filled. */
  readonly vacant: readonly number[];
}

type Sign = (message: Uint8Array) => Awaitable<Uint8Array>;

/** The member at a leaf, who signs for the group. */
interface Signer {
  readonly leafIndex: number;
  readonly sign: Sign;
}

const VERSION = uint(2, 1);
const ABSENT = uint(1, 0);
const PRESENT = uint(1, 1);
const LEAF = uint(1, 1);
const PARENT = uint(1, 2);
const NONE = vector();

/** The leaves of a group of a size that are left to the one who brings the other two in, and to these two. */
export function vacantLeaves(members: number): number[] {
  return [0, Math.max(1, Math.floor(members / 3)), Math.max(2, Math.floor((2 * members) / 3))];
}

/**
 * A group of `members - 3` members with three blank leaves among them.
 * @param members at least 4
 */
export async function livedInGroup(
  provider: CipherSuiteProvider,
  members: number,
  onMember: (made: number) => void = () => {},
): Promise<LivedInGroup> {
  const { suite } = provider;
  const groupId = provider.random(16);
  const tree = new LivedInTree(provider, groupId, members, onMember);
  const treeHash = await tree.grow();
  if (tree.signer === undefined) throw new RangeError("a lived-in group has at least 4 members");

  const groupContext = concat([
    VERSION,
    uint(2, suite.id),
    vector(groupId),
    uint(8, members),
    vector(treeHash),
    vector(provider.random(suite.hash.Nh)),
    NONE,
  ]);
  const groupInfo = await signedGroupInfo(provider, groupContext, tree.nodes, tree.signer);
  return { groupInfo, vacant: tree.vacant };
}

/** The nodes of a tree, made from left to right. */
class LivedInTree {
  readonly vacant: readonly number[];
  /** As a `ratchet_tree` extension has them. */
  readonly nodes: Uint8Array[];
  /** The leftmost member, once it is made. */
  signer: Signer | undefined;

  private readonly provider: CipherSuiteProvider;
  private readonly groupId: Uint8Array;
  private readonly members: number;
  private readonly onMember: (made: number) => void;

  constructor(
    provider: CipherSuiteProvider,
    groupId: Uint8Array,
    members: number,
    onMember: (made: number) => void,
  ) {
    this.provider = provider;
    this.groupId = groupId;
    this.members = members;
    this.onMember = onMember;
    this.vacant = vacantLeaves(members);
    this.nodes = Array.from({ length: 2 * members - 1 }, () => ABSENT);
  }

  /** Makes all nodes. Returns the hash of the tree. */
  grow(): Promise<Uint8Array> {
    return this.subtree(0, 2 ** Math.ceil(Math.log2(this.members)), new Uint8Array(0));
  }

  /**
   * Makes the nodes over `size` leaves from `start` on. Returns the hash of their tree.
   * @param parentHash what the topmost node that isn't blank says of the one above it
   */
  private async subtree(start: number, size: number, parentHash: Uint8Array): Promise<Uint8Array> {
    if (size === 1) return this.leaf(start, parentHash);
    const half = size / 2;
    const middle = start + half;
    // One with an empty side is blank (§7.9.2), and who lives on the other side points past it.
    if (!this.hasMember(start, half) || !this.hasMember(middle, half)) {
      const left = await this.subtree(start, half, parentHash);
      const right = await this.subtree(middle, half, parentHash);
      return this.hash(concat([PARENT, ABSENT, vector(left), vector(right)]));
    }
    const { hpke, suite } = this.provider;
    const left = await this.subtree(start, half, this.provider.random(suite.hash.Nh));
    const { publicKey } = await hpke.generateKeyPair();
    const node = concat([vector(publicKey), vector(parentHash), NONE]);
    const below = await this.hash(concat([vector(publicKey), vector(parentHash), vector(left)]));
    const right = await this.subtree(middle, half, below);
    this.nodes[2 * middle - 1] = concat([PRESENT, PARENT, node]);
    return this.hash(concat([PARENT, PRESENT, node, vector(left), vector(right)]));
  }

  private async leaf(leafIndex: number, parentHash: Uint8Array): Promise<Uint8Array> {
    let node = ABSENT;
    if (this.hasMember(leafIndex, 1)) {
      node = concat([PRESENT, await this.leafNode(leafIndex, parentHash)]);
      this.nodes[2 * leafIndex] = concat([PRESENT, LEAF, node.subarray(1)]);
      this.onMember(leafIndex + 1);
    }
    return this.hash(concat([LEAF, uint(4, leafIndex), node]));
  }

  /** §7.2: a LeafNode that comes from a commit. */
  private async leafNode(leafIndex: number, parentHash: Uint8Array): Promise<Uint8Array> {
    const { suite, hpke, signature } = this.provider;
    const leafKeys = await hpke.generateKeyPair();
    const keys = await signature.generateKeyPair();
    const unsigned = concat([
      vector(leafKeys.publicKey),
      vector(keys.publicKey),
      concat([uint(2, 1), vector(text(`member ${leafIndex}`))]),
      concat([vector(VERSION), vector(uint(2, suite.id)), NONE, NONE, vector(uint(2, 1), uint(2, 2))]),
      concat([uint(1, 3), vector(parentHash)]),
      NONE,
    ]);
    const sign: Sign = (message) => signature.sign(keys.privateKey, message);
    this.signer ??= { leafIndex, sign };
    const tbs = concat([unsigned, vector(this.groupId), uint(4, leafIndex)]);
    return concat([unsigned, vector(await sign(signContent("LeafNodeTBS", tbs)))]);
  }

  /** Whether one of `size` leaves from `start` on has a member. */
  private hasMember(start: number, size: number): boolean {
    for (let leaf = start; leaf < Math.min(start + size, this.members); leaf++) {
      if (!this.vacant.includes(leaf)) return true;
    }
    return false;
  }

  private async hash(input: Uint8Array): Promise<Uint8Array> {
    const digest = this.provider.hash.hash(input);
    return isPromise(digest) ? await digest : digest;
  }
}

/** §12.4.3: an encoded MLSMessage with a GroupInfo that has the tree and an `external_pub`. */
async function signedGroupInfo(
  provider: CipherSuiteProvider,
  groupContext: Uint8Array,
  nodes: readonly Uint8Array[],
  { leafIndex, sign }: Signer,
): Promise<Uint8Array> {
  const external = await provider.hpke.generateKeyPair();
  const extensions = vector(
    concat([uint(2, 2), vector(vectorOf(nodes))]),
    concat([uint(2, 4), vector(vector(external.publicKey))]),
  );
  const confirmationTag = vector(provider.random(provider.suite.hash.Nh));
  const tbs = concat([groupContext, extensions, confirmationTag, uint(4, leafIndex)]);
  const signature = await sign(signContent("GroupInfoTBS", tbs));
  return concat([VERSION, uint(2, 4), tbs, vector(signature)]);
}
