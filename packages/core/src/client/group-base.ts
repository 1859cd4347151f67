// RFC 9420 §7, §8.1: what a member and an observer of a group alike know of it.
import { encode } from "../codec/index.js";
import type { SourcedProposal } from "../framing/index.js";
import { type Epoch, type GroupConfig, type Member, memberOf } from "../group/index.js";
import type { CipherSuite } from "../provider/index.js";
import { type Extension, type LeafNode, RatchetTreeNodes } from "../wire/index.js";

/** The public part of a group's state, in the epoch that it is in here. */
export abstract class GroupBase {
  protected abstract readonly config: GroupConfig;
  protected abstract readonly current: Pick<Epoch, "groupContext" | "tree">;
  #knownMembers: { of: Epoch["tree"]; members: readonly Member[] } | undefined;

  /** Valid proposals of this epoch that no commit has brought into force yet. */
  abstract readonly proposals: readonly SourcedProposal[];

  get groupId(): Uint8Array {
    return this.current.groupContext.groupId.slice();
  }

  get epoch(): bigint {
    return this.current.groupContext.epoch;
  }

  get cipherSuite(): CipherSuite {
    return this.config.provider.suite;
  }

  /** The GroupContext's extensions. */
  get extensions(): readonly Extension[] {
    return this.current.groupContext.extensions;
  }

  /** The members by their leaf indices. */
  get members(): readonly Member[] {
    const { tree } = this.current;
    if (this.#knownMembers?.of !== tree) {
      const members = Array.from(tree.members(), ({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode));
      this.#knownMembers = { of: tree, members };
    }
    return this.#knownMembers.members;
  }

  /** The member at a leaf index, without looking at all of them. */
  member(leafIndex: number): Member | undefined {
    const leafNode = this.current.tree.leaf(leafIndex);
    return leafNode && memberOf(leafIndex, leafNode);
  }

  /** The leaf node (§7.2) of the member at a leaf index. */
  leafNode(leafIndex: number): LeafNode | undefined {
    return this.current.tree.leaf(leafIndex);
  }

  /** `Nh` bytes (§7.8) */
  get treeHash(): Uint8Array {
    return this.current.groupContext.treeHash.slice();
  }

  /** `Nh` bytes (§8.2), none before the first commit */
  get confirmedTranscriptHash(): Uint8Array {
    return this.current.groupContext.confirmedTranscriptHash.slice();
  }

  /** The encoded ratchet tree (§12.4.3.3), for those who join without it in their Welcome. */
  get ratchetTree(): Uint8Array {
    return encode(RatchetTreeNodes, this.current.tree.toNodes());
  }
}
