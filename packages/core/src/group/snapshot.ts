// RFC 9420 §12.2: the group as hooks see it, so that they need not call the group, which waits for them.
import type { RatchetTree } from "../tree/index.js";
import type { Extension, GroupContext } from "../wire/index.js";
import { type Member, memberOf } from "./member.js";

/** The public state of a group in the epoch in which a hook is asked. It doesn't change later. */
export interface GroupSnapshot {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  /** The GroupContext's extensions. */
  readonly extensions: readonly Extension[];
  /** The members in the order of their leaf indices, in a time that grows with their number. */
  readonly members: readonly Member[];
  /** The member at a leaf index, in constant time; `undefined` for a blank leaf. */
  member(leafIndex: number): Member | undefined;
}

/** Read when it is asked for: most hooks need little of it. */
export function snapshotOf({
  groupContext,
  tree,
}: {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
}): GroupSnapshot {
  return {
    get groupId() {
      return groupContext.groupId.slice();
    },
    epoch: groupContext.epoch,
    extensions: groupContext.extensions,
    get members() {
      return Array.from(tree.members(), ({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode));
    },
    member(leafIndex) {
      const leafNode = tree.leaf(leafIndex);
      return leafNode && memberOf(leafIndex, leafNode);
    },
  };
}
