// RFC 9420 §12.4, §14: the commits of an epoch that were made or received here, of which one will be in force.
import { type Bytes, equalBytes } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { CommittedProposal, SourcedProposal } from "../framing/index.js";
import type { LeafNode, Proposal, ReInit, Sender } from "../wire/index.js";
import type { Epoch } from "./epoch.js";

/** How many commits are kept in an epoch: more than a delivery service that takes the first one leaves undecided. */
export const MAX_CANDIDATES = 16;

/** The changes of a commit that are reported to the application. */
export interface CommitChanges {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly { readonly leafIndex: number; readonly leafNode: LeafNode }[];
  readonly reinit: ReInit | undefined;
  readonly custom: readonly CommittedProposal[];
}

/** A commit of the current epoch: checked, and not in force; as far as it is public. */
export interface PublicCandidate {
  /** The encoded MLSMessage */
  readonly commit: Bytes;
  /** Whether this client made it. */
  readonly own: boolean;
  /** The committer's leaf index, in the epoch that the commit starts. */
  readonly committer: number;
  /** Whether the committer joins by it (§12.4.3.2). */
  readonly external: boolean;
  readonly path: boolean;
  readonly proposals: readonly {
    readonly proposal: Proposal;
    readonly sender: Sender;
    /** `undefined` for one by value */
    readonly reference: Uint8Array | undefined;
  }[];
  readonly changes: CommitChanges;
  readonly authenticatedData: Uint8Array;
  /** What everybody knows of the epoch that it starts. */
  readonly next: Pick<Epoch, "groupContext" | "tree">;
}

/** The same, as a member has it. */
export interface Candidate extends PublicCandidate {
  /** The epoch that it starts: the same as `next`; `undefined` if it removes this client. */
  readonly epoch: Epoch | undefined;
  /** Of a received PrivateMessage: the generation of its key, which is consumed when the commit is merged. */
  readonly generation: number | undefined;
  /** For the members whom an own commit adds: an encoded MLSMessage. */
  readonly welcome: Bytes | undefined;
  /** Whether that needs the tree beside it. */
  readonly needsTree: boolean;
  /** Whether the application doesn't expect it any more. The delivery service may have taken it all the same. */
  readonly discarded: boolean;
}

type Candidates = readonly Candidate[];

/** What a candidate keeps of its proposals. */
export function listed(proposals: readonly SourcedProposal[]): PublicCandidate["proposals"] {
  return proposals.map(({ proposal, sender, reference }) => ({ proposal, sender, reference }));
}

/** The candidate with these bytes, discarded or not. */
export function findCandidate(candidates: Candidates, commit: Uint8Array): Candidate | undefined {
  return candidates.find((one) => equalBytes(one.commit, commit));
}

/** The own commits that the application didn't discard. */
export function ownCandidates(candidates: Candidates): Candidate[] {
  return candidates.filter((one) => one.own && !one.discarded);
}

/** The candidates, of which these are discarded. */
export function discardedAmong(candidates: Candidates, which: (one: Candidate) => boolean): Candidates {
  return candidates.map((one) => (which(one) ? { ...one, discarded: true } : one));
}

/**
 * The candidates and one more. The same commit made again takes the place of the one before; beyond
 * {@link MAX_CANDIDATES}, the oldest discarded one is forgotten.
 * @throws MlsError `limit` if none was discarded
 */
export function withCandidate(candidates: Candidates, added: Candidate): Candidates {
  const forgotten = findCandidate(candidates, added.commit) ?? leastExpected(candidates);
  return [...candidates.filter((one) => one !== forgotten), added];
}

/**
 * The one that is forgotten when another comes, if there is no room. A received one first: it can be staged again from its
 * message, an own one can't. @throws MlsError `limit`
 */
export function leastExpected(candidates: Candidates): Candidate | undefined {
  if (candidates.length < MAX_CANDIDATES) return undefined;
  const discarded = candidates.filter((one) => one.discarded);
  const oldest = discarded.find(({ own }) => !own) ?? discarded[0];
  if (oldest !== undefined) return oldest;
  throw new MlsError("limit", `expected at most ${MAX_CANDIDATES} staged commits: discard one of them first`);
}
