// RFC 9420 §12.2: the group as hooks see it, so that they need not call the group, which waits for them.
import { type Bytes, copied, type Owned } from "../bytes.js";
import type { RatchetTree } from "../tree/index.js";
import type { Extension, GroupContext } from "../wire/index.js";
import { type Member, memberOf, membersOf } from "./member.js";

/** The public state of a group in the epoch in which a hook is asked. It doesn't change later. */
export interface GroupSnapshot {
  readonly groupId: Bytes;
  readonly epoch: bigint;
  /** The GroupContext's extensions. */
  readonly extensions: readonly Owned<Extension>[];
  /** The members in the order of their leaf indices, in a time that grows with their number. */
  readonly members: readonly Member[];
  /** The member at a leaf index, in constant time; `undefined` for a blank leaf. */
  member(leafIndex: number): Member | undefined;
}

/**
 * Read when it is asked for: most hooks need little of it.
 * @param changed a member in place of the one that the tree has at its leaf, if it has one
 */
export function snapshotOf(
  {
    groupContext,
    tree,
  }: {
    readonly groupContext: Pick<GroupContext, "groupId" | "epoch" | "extensions">;
    readonly tree: RatchetTree;
  },
  changed?: Member,
): GroupSnapshot {
  let members: readonly Member[] | undefined;
  const member = (leafIndex: number) => {
    if (leafIndex === changed?.leafIndex) return changed;
    const leafNode = tree.leaf(leafIndex);
    return leafNode && memberOf(leafIndex, leafNode);
  };
  const list = () => {
    const all = membersOf({ tree });
    if (changed === undefined) return all;
    const others = all.filter(({ leafIndex }) => leafIndex !== changed.leafIndex);
    return [...others, changed].sort((a, b) => a.leafIndex - b.leafIndex);
  };
  return {
    get groupId() {
      return copied(groupContext.groupId);
    },
    epoch: groupContext.epoch,
    get extensions() {
      return copied(groupContext.extensions);
    },
    get members() {
      members ??= list();
      return members;
    },
    member,
  };
}
