// RFC 9420 §12.1.3: whom a branch has removed, and another one has.
import { toHex } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { Credential, type LeafNode } from "../../wire/index.js";
import type { Candidate } from "../candidate.js";
import { type Member, memberOf } from "../member.js";
import type { KeptEpoch } from "../state.js";

const keyIn = ({ signatureKey }: LeafNode) => toHex(signatureKey);
const credentialIn = ({ credential }: LeafNode) => toHex(encode(Credential, credential));

/** The tree at the end of a commit, also if that removes this client. */
const treeAfter = ({ commit, epoch }: KeptEpoch) => (epoch ?? (commit as Candidate).next).tree;

/** Whether somebody came to a leaf by the commit that starts an epoch. */
function isNewIn({ commit }: KeptEpoch, leafIndex: number): boolean {
  const { changes, external, committer } = commit as Candidate;
  return changes.added.includes(leafIndex) || (external && committer === leafIndex);
}

/** The leaf at the fork whose member, or a successor, has this one at the end of a branch; `undefined` for who was added. */
function originOf(branch: readonly KeptEpoch[], leafIndex: number): number | undefined {
  let at = leafIndex;
  for (const one of branch) {
    if (!isNewIn(one, at)) continue;
    const { external, committer, changes } = one.commit as Candidate;
    // By an external commit, a client takes the place of the one that it removes (§12.4.3.2).
    const [former] = external && committer === at ? changes.removed : [];
    if (former === undefined) return undefined;
    at = former.leafIndex;
  }
  return at;
}

/**
 * Those whom a branch has removed, and another one has. A key may be why somebody was removed, and a new one no reason to come
 * back: so whoever has the leaf of the removed member counts, or its credential, or a key that it had.
 * @param left the branch that has removed them, the latest epoch first
 * @param entered the other one, from the same fork
 */
export function undoneRemovals(
  left: readonly KeptEpoch[],
  entered: readonly KeptEpoch[],
  fork: KeptEpoch,
): Member[] {
  const [last] = left;
  const [target] = entered;
  if (last === undefined || target === undefined) return [];
  const leaves = new Set<number>();
  const [keys, credentials] = [new Set<string>(), new Set<string>()];
  for (const [i, { commit }] of left.entries())
    for (const { leafIndex, leafNode } of commit?.changes.removed ?? []) {
      const held = [leafNode];
      const before = left.slice(i + 1);
      const start = before.findIndex((one) => isNewIn(one, leafIndex));
      for (const one of start < 0 ? [...before, fork] : before.slice(0, start + 1))
        held.push(treeAfter(one).leaf(leafIndex) as LeafNode);
      for (const one of held) {
        keys.add(keyIn(one));
        credentials.add(credentialIn(one));
      }
      if (start < 0) leaves.add(leafIndex);
    }
  if (keys.size === 0) return [];
  const [before, after] = [treeAfter(last), treeAfter(target)];
  const isBack = (leafIndex: number, leafNode: LeafNode) => {
    if (before.hasSignatureKey(leafNode.signatureKey)) return false;
    if (keys.has(keyIn(leafNode))) return true;
    const origin = originOf(entered, leafIndex);
    return origin === undefined ? credentials.has(credentialIn(leafNode)) : leaves.has(origin);
  };
  return [...after.members()]
    .filter(({ leafIndex, leafNode }) => isBack(leafIndex, leafNode))
    .map(({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode));
}
