// RFC 9420 §7.6, §7.8, §7.9: a ratchet tree as it stands when every member has committed once, from left to right,
// and no parent is blank: made directly, in a time that is linear in its size.
//
// The commits themselves aren't made: 10,000 commits with 10,000 members who process each would take days. What
// they leave behind is known. Every leaf node comes from a commit. A parent was set last by the rightmost leaf below
// it, so its chain of parent hashes comes up from its right child, and the hash of its left child's tree is the one
// of the finished tree. What a left child says of its parent belongs to a node that was overwritten since: it is as
// good as random. Nobody has the parents' private keys, and nobody needs them but those who are measured: they join,
// and commit once themselves.
import { type Awaitable, type CipherSuiteProvider, isPromise } from "@copse/core";
import { concat } from "./bytes.js";
import { signContent, text, uint, vector, vectorOf } from "./tls.js";

export interface LivedInGroup {
  /** An encoded MLSMessage, with the tree, by which a member can join with an external commit. */
  readonly groupInfo: Uint8Array;
  /** Leaves that are blank and wait for those who are measured, in the order in which they are filled. */
  readonly vacant: readonly number[];
}

interface Subtree {
  readonly hash: Uint8Array;
  /** Whether it has a member. */
  readonly inhabited: boolean;
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
  const vacant = vacantLeaves(members);
  const groupId = provider.random(16);
  const width = 2 ** Math.ceil(Math.log2(members));
  const nodes: Uint8Array[] = Array.from({ length: 2 * members - 1 }, () => ABSENT);
  let signer: { leafIndex: number; sign: (message: Uint8Array) => Awaitable<Uint8Array> } | undefined;

  const leafOf = async (leafIndex: number, parentHash: Uint8Array): Promise<Uint8Array> => {
    const leafKeys = await provider.hpke.generateKeyPair();
    const keys = await provider.signature.generateKeyPair();
    const unsigned = concat([
      vector(leafKeys.publicKey),
      vector(keys.publicKey),
      concat([uint(2, 1), vector(text(`member ${leafIndex}`))]),
      concat([vector(VERSION), vector(uint(2, suite.id)), NONE, NONE, vector(uint(2, 1), uint(2, 2))]),
      concat([uint(1, 3), vector(parentHash)]),
      NONE,
    ]);
    const sign = (message: Uint8Array) => provider.signature.sign(keys.privateKey, message);
    signer ??= { leafIndex, sign };
    const tbs = concat([unsigned, vector(groupId), uint(4, leafIndex)]);
    return concat([unsigned, vector(await sign(signContent("LeafNodeTBS", tbs)))]);
  };

  const hash = async (input: Uint8Array): Promise<Uint8Array> => {
    const digest = provider.hash.hash(input);
    return isPromise(digest) ? await digest : digest;
  };

  /**
   * @param parentHash what the topmost node that isn't blank says of the one above it
   */
  const grow = async (start: number, size: number, parentHash: Uint8Array): Promise<Subtree> => {
    if (size === 1) {
      const lives = start < members && !vacant.includes(start);
      let node = ABSENT;
      if (lives) {
        node = concat([PRESENT, await leafOf(start, parentHash)]);
        nodes[2 * start] = concat([PRESENT, LEAF, node.subarray(1)]);
        onMember(start + 1);
      }
      return { hash: await hash(concat([LEAF, uint(4, start), node])), inhabited: lives };
    }
    const half = size / 2;
    // One with an empty side is blank (§7.9.2), and who lives on the other side points past it.
    if (!inhabited(start, half) || !inhabited(start + half, half)) {
      const left = await grow(start, half, parentHash);
      const right = await grow(start + half, half, parentHash);
      const blank = await hash(concat([PARENT, ABSENT, vector(left.hash), vector(right.hash)]));
      return { hash: blank, inhabited: left.inhabited || right.inhabited };
    }
    const left = await grow(start, half, provider.random(suite.hash.Nh));
    const { publicKey } = await provider.hpke.generateKeyPair();
    const node = concat([vector(publicKey), vector(parentHash), NONE]);
    const below = await hash(concat([vector(publicKey), vector(parentHash), vector(left.hash)]));
    const right = await grow(start + half, half, below);
    nodes[2 * (start + half) - 1] = concat([PRESENT, PARENT, node]);
    const whole = await hash(concat([PARENT, PRESENT, node, vector(left.hash), vector(right.hash)]));
    return { hash: whole, inhabited: true };
  };

  const inhabited = (start: number, size: number): boolean => {
    for (let leaf = start; leaf < Math.min(start + size, members); leaf++) {
      if (!vacant.includes(leaf)) return true;
    }
    return false;
  };

  const head = await grow(0, width, new Uint8Array(0));
  if (signer === undefined) throw new RangeError("a lived-in group has at least 4 members");

  const groupContext = concat([
    VERSION,
    uint(2, suite.id),
    vector(groupId),
    uint(8, members),
    vector(head.hash),
    vector(provider.random(suite.hash.Nh)),
    NONE,
  ]);
  const tree = vectorOf(nodes);
  const external = await provider.hpke.generateKeyPair();
  const extensions = vector(
    concat([uint(2, 2), vector(tree)]),
    concat([uint(2, 4), vector(vector(external.publicKey))]),
  );
  const tbs = concat([
    groupContext,
    extensions,
    vector(provider.random(suite.hash.Nh)),
    uint(4, signer.leafIndex),
  ]);
  const signature = await signer.sign(signContent("GroupInfoTBS", tbs));
  return { groupInfo: concat([VERSION, uint(2, 4), tbs, vector(signature)]), vacant };
}
