// RFC 9420 §7.9: tree hashes of subtrees as they were before the leaves that are unmerged now were added.
import type { Writer } from "../codec/index.js";
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import { NodeType, TreeHashInput } from "../wire/index.js";
import { isLeafBelow, level } from "./math.js";
import type { Slot } from "./slot.js";
import { type Hashed, hashLevels } from "./tree-hash.js";

/** A subtree without some of its leaves, whose hash is to be computed. */
interface Job extends Hashed {
  readonly slot: Slot;
  /** The leaves that are left out: some below `slot`, by leaf index, sorted. */
  readonly without: readonly number[];
  readonly left: Hashed | undefined;
  readonly right: Hashed | undefined;
}

/**
 * Collects the original tree hashes that a verification needs, then computes them together. A subtree that
 * several parents ask for with the same leaves left out is hashed once (§7.9); one without any left out has
 * its tree hash.
 */
export class OriginalHashes {
  private readonly jobs = new Map<Slot, Map<string, Job>>();
  private readonly levels: Job[][] = [];

  /** What will remember the hash of the subtree at `slot` without those leaves of `leaves` that are below it. */
  of(slot: Slot, leaves: readonly number[]): Hashed {
    const without = leaves.filter((leafIndex) => isLeafBelow(leafIndex, slot.nodeIndex));
    if (without.length === 0) return slot;
    let bySlot = this.jobs.get(slot);
    if (bySlot === undefined) {
      bySlot = new Map();
      this.jobs.set(slot, bySlot);
    }
    const name = without.join();
    let job = bySlot.get(name);
    if (job === undefined) {
      const isParent = slot.kind === "parent";
      job = {
        slot,
        without,
        left: isParent ? this.of(slot.left, without) : undefined,
        right: isParent ? this.of(slot.right, without) : undefined,
        hash: undefined,
      };
      bySlot.set(name, job);
      const height = level(slot.nodeIndex);
      while (this.levels.length <= height) this.levels.push([]);
      (this.levels[height] as Job[]).push(job);
    }
    return job;
  }

  /** Computes all that was asked for. The tree hashes of the tree itself are there already. */
  compute(provider: CipherSuiteProvider): Awaitable<void> {
    return hashLevels(provider, this.levels, writeInput);
  }
}

function writeInput(writer: Writer, { slot, without, left, right }: Job): void {
  if (slot.kind === "leaf") {
    TreeHashInput.write(writer, {
      nodeType: NodeType.leaf,
      leafIndex: slot.nodeIndex / 2,
      leafNode: undefined,
    });
    return;
  }
  const blanked = new Set(without);
  const parentNode = slot.node && {
    ...slot.node,
    unmergedLeaves: slot.node.unmergedLeaves.filter((leafIndex) => !blanked.has(leafIndex)),
  };
  TreeHashInput.write(writer, {
    nodeType: NodeType.parent,
    parentNode,
    leftHash: left?.hash as Uint8Array,
    rightHash: right?.hash as Uint8Array,
  });
}
