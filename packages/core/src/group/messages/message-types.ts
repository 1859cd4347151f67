// RFC 9420 §6, §12, §15: received messages, as the application is told about them.
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

/** A valid proposal (§12.1). It takes effect when a member commits it. */
export interface ProposalMessage {
  readonly kind: "proposal";
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly proposal: Proposal;
  /** ProposalRef (§5.2): `Nh` bytes */
  readonly reference: Uint8Array;
  readonly authenticatedData: Uint8Array;
}

/** A commit that is now in force (§12.4). */
export interface CommitMessage {
  readonly kind: "commit";
  /** The epoch that the commit started. */
  readonly epoch: bigint;
  readonly committer: Member;
  /** Whether this client made the commit. */
  readonly own: boolean;
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  /** Members whose Update proposals were committed. */
  readonly updated: readonly Member[];
  /** Whether this client can still send: it wasn't removed, and the group didn't end by ReInit. */
  readonly active: boolean;
  /** The parameters of the new group (§11.2), if this commit ended the group by ReInit. */
  readonly reinit: ReInit | undefined;
  /** Whether a pending commit of this client was dropped, because this one came first. */
  readonly droppedPending: boolean;
  /**
   * This client's proposals, from the dropped commit or sent separately, that this commit doesn't contain and that
   * can still be committed, with `commit({ proposals })`.
   */
  readonly dropped: readonly Proposal[];
  /** Committed proposals of registered types, in the order of the commit. */
  readonly custom: readonly CommittedProposal[];
  readonly authenticatedData: Uint8Array;
}

/** A message that this client sent itself. There is nothing to do. */
export interface OwnMessage {
  readonly kind: "own";
}

export type Received = ApplicationMessage | ProposalMessage | CommitMessage | OwnMessage;
