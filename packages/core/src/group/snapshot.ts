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

interface Shown {
  readonly groupContext: Pick<GroupContext, "groupId" | "epoch" | "extensions">;
  readonly tree: RatchetTree;
}

/** Read when it is asked for: most hooks need little of it. A class: docs/decisions/short-lives.md */
export class Snapshot implements GroupSnapshot {
  readonly #group: Shown;
  readonly #changed: Member | undefined;
  #members: readonly Member[] | undefined;
  readonly epoch: bigint;

  /** @param changed a member in place of the one that the tree has at its leaf, if it has one */
  constructor(group: Shown, changed?: Member) {
    this.#group = group;
    this.#changed = changed;
    this.epoch = group.groupContext.epoch;
  }

  get groupId(): Bytes {
    return copied(this.#group.groupContext.groupId);
  }

  get extensions(): readonly Owned<Extension>[] {
    return copied(this.#group.groupContext.extensions);
  }

  get members(): readonly Member[] {
    const changed = this.#changed;
    this.#members ??= membersOf(this.#group)
      .filter(({ leafIndex }) => leafIndex !== changed?.leafIndex)
      .concat(changed ?? [])
      .sort((a, b) => a.leafIndex - b.leafIndex);
    return this.#members;
  }

  member(leafIndex: number): Member | undefined {
    if (leafIndex === this.#changed?.leafIndex) return this.#changed;
    const leafNode = this.#group.tree.leaf(leafIndex);
    return leafNode && memberOf(leafIndex, leafNode);
  }
}
