// RFC 9420 §7, §8.1: the public state of a group, which members and followers share.
import { type Bytes, copied, type Owned } from "../bytes.js";
import { encode, frozen } from "../codec/index.js";
import {
  type CachedProposal,
  type GroupConfig,
  type Member,
  memberOf,
  membersOf,
  type PublicEpoch,
} from "../group/index.js";
import { type WaitingProposal, waitingProposals } from "../group/proposals/index.js";
import type { CipherSuite } from "../provider/index.js";
import { type Extension, type LeafNode, RatchetTreeNodes } from "../wire/index.js";

/** The public part of a group's state, in its present epoch. */
export abstract class EpochView {
  protected abstract readonly config: GroupConfig;
  protected abstract readonly current: PublicEpoch;

  get groupId(): Bytes {
    return copied(this.current.groupContext.groupId);
  }

  get epoch(): bigint {
    return this.current.groupContext.epoch;
  }

  get cipherSuite(): CipherSuite {
    return copied(this.config.provider.suite);
  }

  /** The GroupContext's extensions. */
  get extensions(): readonly Owned<Extension>[] {
    return copied(this.current.groupContext.extensions);
  }

  /**
   * The members in the order of their leaf indices; after this client was removed, as of before its removal. A copy each
   * time, in linear time: {@link member} has a single one.
   */
  get members(): readonly Member[] {
    return membersOf(this.current);
  }

  /** The member at a leaf index, in constant time; `undefined` for a blank leaf. */
  member(leafIndex: number): Member | undefined {
    const leafNode = this.current.tree.leaf(leafIndex);
    return leafNode && memberOf(leafIndex, leafNode);
  }

  /** The leaf node (§7.2) at a leaf index; `undefined` for a blank leaf. */
  leafNode(leafIndex: number): Owned<LeafNode> | undefined {
    const leafNode = this.current.tree.leaf(leafIndex);
    return leafNode && copied(leafNode);
  }

  /** `Nh` bytes (§7.8) */
  get treeHash(): Bytes {
    return copied(this.current.groupContext.treeHash);
  }

  /** `Nh` bytes (§8.2); empty before the first commit */
  get confirmedTranscriptHash(): Bytes {
    return copied(this.current.groupContext.confirmedTranscriptHash);
  }

  /** The encoded ratchet tree (§12.4.3.3), for new members whose Welcome doesn't carry it. */
  get ratchetTree(): Bytes {
    return encode(RatchetTreeNodes, this.current.tree.toNodes());
  }
}

/** A group as it goes on: the same, with the proposals that wait for a commit. */
export abstract class GroupBase extends EpochView {
  protected abstract readonly cached: readonly CachedProposal[];
  #waiting: readonly WaitingProposal[] = [];
  /** Proposals as the application got them. They aren't copied again when another one comes. */
  #shown: WeakMap<CachedProposal, WaitingProposal> | undefined;

  /** This client's leaf; `undefined` for a follower. */
  protected get ownLeaf(): number | undefined {
    return undefined;
  }

  /**
   * The valid proposals of this epoch that aren't committed yet. The same array as long as nothing changes: frozen, with
   * all in it but the byte strings.
   */
  get proposals(): readonly WaitingProposal[] {
    const waiting = waitingProposals(this.config, this.current, this.cached, this.ownLeaf);
    const list = this.cached.map((one, i) => this.#show(one, waiting[i] as WaitingProposal));
    const isSame = list.length === this.#waiting.length && list.every((one, i) => one === this.#waiting[i]);
    if (!isSame) this.#waiting = Object.freeze(list);
    return this.#waiting;
  }

  #show(cached: CachedProposal, waiting: WaitingProposal): WaitingProposal {
    this.#shown ??= new WeakMap();
    const known = this.#shown.get(cached);
    const { willCommit } = waiting;
    if (known?.willCommit === willCommit) return known;
    const shown = frozen(known === undefined ? copied(waiting) : { ...known, willCommit });
    this.#shown.set(cached, shown);
    return shown;
  }
}
