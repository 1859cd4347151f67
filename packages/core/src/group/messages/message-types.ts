// RFC 9420 §6, §12, §15: what comes out of a message that a group received.
import type { CommittedProposal } from "../../framing/index.js";
import type { Proposal, ReInit, Sender } from "../../wire/index.js";
import type { Member } from "../member.js";

/** An application message (§15). */
export interface ApplicationMessage {
  readonly kind: "application";
  readonly epoch: bigint;
  readonly sender: Member;
  readonly data: Uint8Array;
  readonly authenticatedData: Uint8Array;
}

/** A valid proposal (§12.1), which waits for a commit. */
export interface ProposalMessage {
  readonly kind: "proposal";
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly proposal: Proposal;
  /** ProposalRef, §5.2 */
  readonly reference: Uint8Array;
  readonly authenticatedData: Uint8Array;
}

/** A commit that came into force (§12.4). */
export interface CommitMessage {
  readonly kind: "commit";
  /** The epoch that it started. */
  readonly epoch: bigint;
  readonly committer: Member;
  /** Whether it is this client's own. */
  readonly own: boolean;
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  /** Members whose Update came into force. */
  readonly updated: readonly Member[];
  /** Whether this client is still in the group, and the group still in use. */
  readonly active: boolean;
  /** What the group is to be reinitialized to (§11.2): no message can be sent in it any more. */
  readonly reinit: ReInit | undefined;
  /** Whether a pending commit of this client's was dropped, because this one came first. */
  readonly droppedPending: boolean;
  /**
   * This client's own proposals, of the dropped commit or sent by themselves, that this commit didn't take up and
   * that still make sense: to be committed again by `commit({ proposals })`.
   */
  readonly dropped: readonly Proposal[];
  /** Proposals of registered types that came into force, in the order of the commit. */
  readonly custom: readonly CommittedProposal[];
  readonly authenticatedData: Uint8Array;
}

/** A message of this client's own that came back: there is nothing to do. */
export interface OwnMessage {
  readonly kind: "own";
}

export type Received = ApplicationMessage | ProposalMessage | CommitMessage | OwnMessage;
