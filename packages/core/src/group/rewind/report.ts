// RFC 9420 §9, §12.4: what a branch has delivered that is left.
import type { Bytes } from "../../bytes.js";
import type { Ratchet } from "../../schedule/index.js";
import type { LeafNode } from "../../wire/index.js";
import type { Candidate } from "../candidate.js";
import { type Member, memberOf } from "../member.js";
import type { CommitMessage } from "../messages/index.js";
import type { KeptEpoch } from "../state.js";

/** An epoch that was left for another branch. Its commit stays staged, so that it can be adopted again. */
export interface LeftEpoch {
  readonly epoch: bigint;
  /** The commit that started it. */
  readonly commit: CommitMessage;
  /** The same as an encoded MLSMessage */
  readonly message: Bytes;
  /** What was sent and received in it, by sender. The content isn't kept. */
  readonly delivered: readonly Delivered[];
}

/** What was used of one sender's keys in an epoch (§9.1): each message has one. */
export interface Delivered {
  readonly sender: Member;
  /** Whether this client sent it. */
  readonly own: boolean;
  /** Messages with application data, or with proposals and commits. */
  readonly kind: "application" | "handshake";
  /** How many messages were sent or received, of those that {@link generations} lists. */
  readonly count: number;
  /** The generations that were used, as pairs of the first and the last of each run. */
  readonly generations: readonly (readonly [first: number, last: number])[];
  /** Of the generations below this one nothing is known: the keys of late messages were deleted. 0 for most. */
  readonly unknownBelow: number;
}

const KINDS = ["application", "handshake"] as const;

/** @param commit the report of the commit that started it */
export function leftEpoch(one: KeptEpoch, commit: CommitMessage): LeftEpoch {
  const { epoch } = one;
  const senders = epoch === undefined ? [] : [...epoch.secretTree.senders];
  return {
    epoch: commit.epoch,
    commit,
    message: (one.commit as Candidate).commit.slice(),
    delivered: senders.flatMap(([leafIndex, ratchets]) => {
      const sender = () => memberOf(leafIndex, epoch?.tree.leaf(leafIndex) as LeafNode);
      const own = leafIndex === epoch?.keys.leafIndex;
      return KINDS.flatMap((kind) => {
        const used = usedOf(ratchets[kind]);
        return used.count === 0 && used.unknownBelow === 0 ? [] : { sender: sender(), own, kind, ...used };
      });
    }),
  };
}

function usedOf({ generation, skipped, forgotten }: Ratchet) {
  const missing = [...skipped.keys()].sort((a, b) => a - b);
  const generations: [number, number][] = [];
  let first = forgotten;
  let count = 0;
  for (const end of [...missing, generation]) {
    if (end > first) {
      generations.push([first, end - 1]);
      count += end - first;
    }
    first = Math.max(first, end + 1);
  }
  return { count, generations, unknownBelow: forgotten };
}
