// What a conversation knew before entries of the log were received.
import { type CommitMessage, equalBytes, type Group, type Member, ProposalType } from "@copse/core";
import type { MembersEntry, MessageEntry, Person } from "../messenger/types.js";
import { isOfNewMember } from "../rules/framing.js";
import type { LogEntry } from "../service.js";
import type { Remembered } from "./history.js";
import type { Known } from "./record.js";
import type { Room } from "./room.js";

/** What is known of those whom the next commits remove. */
export interface Before {
  readonly remembered: Remembered;
  /** The leaves that have asked to be removed. */
  readonly leavers: ReadonlySet<number>;
  readonly epoch: bigint;
  /** If others may be elsewhere: whom it knew before that. */
  readonly known?: Known | undefined;
  /** If this client joins anew: who is there now and wasn't before, and the other way round. */
  readonly difference?: Difference | undefined;
  /** If it joins anew, or nobody has heard it since it did: what it said where the others may not have been. */
  readonly said?: readonly MessageEntry[] | undefined;
}

/** What is known of whoever joins anew. */
export type Anew = Pick<Before, "difference" | "said">;

/** Who came and went, while this client wasn't there. */
export interface Difference {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
}

export const NO_DIFFERENCE: Difference = { added: [], removed: [] };

const has = (all: readonly Member[], { signatureKey }: Member): boolean =>
  all.some((one) => equalBytes(one.signatureKey, signatureKey));

/** Who has taken the place of its former leaf by an external commit. */
export const rejoinedBy = ({ added, removed, external }: CommitMessage): readonly Member[] =>
  added.filter((one) => external && has(removed, one));

/**
 * Who comes and goes by a commit, as the history has it.
 * @param leavers the leaves that have asked to be removed
 */
export function cameAndWent(
  commit: CommitMessage,
  difference: Difference,
  leavers: ReadonlySet<number>,
  person: (member: Member) => Person,
): Pick<MembersEntry, "added" | "removed" | "left" | "rejoined"> {
  const { added, removed } = commit;
  const rejoined = rejoinedBy(commit);
  const without = (all: readonly Member[]) => all.filter((one) => !has(rejoined, one));
  return {
    added: [...without(added), ...difference.added].map(person),
    removed: [...without(removed), ...difference.removed].map(person),
    left: removed.filter(({ leafIndex }) => leavers.has(leafIndex)).map(person),
    rejoined: rejoined.map(person),
  };
}

/** The leaves that have asked to be removed. */
function leaversOf(group: Group): Set<number> {
  const leaves = new Set<number>();
  for (const { proposal, proposer } of group.proposals) {
    if (proposal.proposalType !== ProposalType.remove || !("removed" in proposal)) continue;
    const isOwn = proposer.kind === "member" && proposer.member.leafIndex === proposal.removed;
    if (isOwn) leaves.add(proposal.removed);
  }
  return leaves;
}

/** What a client said where the others may not have been. */
export async function saidApart(room: Room): Promise<readonly MessageEntry[]> {
  const { parted } = room.record;
  return parted === undefined ? [] : room.ownMessages(BigInt(parted));
}

/** What a conversation knows now. @param entries those that come */
export async function beforeOf(room: Room, group: Group, entries: readonly LogEntry[]): Promise<Before> {
  const isJoin = ({ kind, message }: LogEntry) => kind === "handshake" && isOfNewMember(message);
  const { followers, parted } = room.record;
  const mayBeFollowed = followers !== undefined && entries.some(isJoin);
  return {
    remembered: await room.remembered(),
    leavers: leaversOf(group),
    epoch: group.epoch,
    known: parted === undefined ? undefined : await room.trust.knew(group),
    // Whoever follows it here has no keys of what it said before.
    ...(mayBeFollowed && { said: await saidApart(room) }),
  };
}
