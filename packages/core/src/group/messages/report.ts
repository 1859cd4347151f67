// RFC 9420 §6, §12, §15: what the application is told about received messages.
import { type Bytes, copied, toHex } from "../../bytes.js";
import type { CommittedProposal, SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  isCustomProposal,
  type Proposal,
  ProposalType,
  type ReInit,
  type Sender,
  SenderType,
} from "../../wire/index.js";
import type { Epoch } from "../epoch.js";
import type { Registry } from "../extensions/index.js";
import { type Member, memberOf, sameCredential } from "../member.js";
import type { CachedProposal, CommitChanges, GroupState } from "../state.js";

/** An application message (§15). */
export interface ApplicationMessage {
  readonly kind: "application";
  readonly epoch: bigint;
  readonly sender: Member;
  readonly data: Bytes;
  readonly authenticatedData: Bytes;
}

/** A valid proposal (§12.1). It takes effect when a member commits it. */
export interface ProposalMessage {
  readonly kind: "proposal";
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly proposal: Proposal;
  /** ProposalRef (§5.2): `Nh` bytes */
  readonly reference: Bytes;
  readonly authenticatedData: Bytes;
}

/** A commit that is now in force (§12.4). */
export interface CommitMessage {
  readonly kind: "commit";
  /** The epoch that the commit started. If it removed this client, `Group.epoch` stays the one before. */
  readonly epoch: bigint;
  readonly committer: Member;
  /** Whether the committer joined by it: an external commit (§12.4.3.2). Then `added` has the committer too. */
  readonly external: boolean;
  /** Whether this client made the commit. */
  readonly own: boolean;
  readonly added: readonly Member[];
  /** A client that rejoins is in `added` too, at the same leaf or another one. */
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
  readonly authenticatedData: Bytes;
}

/** A message that this client sent itself. There is nothing to do. */
export interface OwnMessage {
  readonly kind: "own";
  /** The epoch in which it was sent. */
  readonly epoch: bigint;
  readonly authenticatedData: Bytes;
  /**
   * Whether it is known to be this client's: by its signature, or by its bytes. An encrypted message other than a commit
   * isn't: its keys are deleted, and any member could have made one that looks the same.
   */
  readonly verified: boolean;
}

/** What the application is told about an own message. */
export function reportOwn(
  { epoch, authenticatedData }: { readonly epoch: bigint; readonly authenticatedData: Uint8Array },
  verified: boolean,
): OwnMessage {
  return { kind: "own", epoch, authenticatedData: authenticatedData.slice(), verified };
}

export type Received = ApplicationMessage | ProposalMessage | CommitMessage | OwnMessage;

/** What the application is told about a commit, from the tree that it leads to. */
export function reportCommit(
  { groupContext, tree }: Pick<Epoch, "groupContext" | "tree">,
  changes: CommitChanges,
  {
    authenticatedData,
    dropped = [],
    external = false,
    ...details
  }: Pick<CommitMessage, "committer" | "active"> &
    Partial<Omit<CommitMessage, "authenticatedData">> & { readonly authenticatedData: Uint8Array },
): CommitMessage {
  const membersAt = (leafIndex: number) => {
    const leafNode = tree.leaf(leafIndex);
    return leafNode === undefined ? [] : [memberOf(leafIndex, leafNode)];
  };
  return {
    kind: "commit",
    epoch: groupContext.epoch,
    external,
    added: [...changes.added.flatMap(membersAt), ...(external ? [details.committer] : [])],
    updated: changes.updated.flatMap(membersAt),
    removed: changes.removed.map(({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode)),
    reinit: copied(changes.reinit),
    custom: copied(changes.custom),
    own: false,
    droppedPending: false,
    dropped: copied(dropped),
    authenticatedData: authenticatedData.slice(),
    ...details,
  };
}

/**
 * The own proposals that another member's commit doesn't contain and that can still be committed after it. Own
 * Updates are left out: they belong to the epoch that ended, and any commit with a path has the same effect.
 */
export function ownDropped(
  { current, pending, proposals }: GroupState,
  committed: readonly SourcedProposal[],
  after: RatchetTree,
  registry: Registry,
): Proposal[] {
  const covered = new Set(committed.map(({ reference }) => reference && toHex(reference)));
  const own = proposals.filter(
    ({ sender, reference }) =>
      sender.senderType === SenderType.member &&
      sender.leafIndex === current.keys.leafIndex &&
      !covered.has(toHex(reference)),
  );
  return [...(pending?.own ?? []), ...own.map(({ proposal }) => proposal)].filter((proposal) => {
    if (proposal.proposalType === ProposalType.update) return false;
    // `commit` can't include by value what commits only include by reference.
    if (isCustomProposal(proposal)) return registry.need(proposal).committedBy !== "reference";
    if (proposal.proposalType === ProposalType.add) {
      return !after.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey);
    }
    if (proposal.proposalType === ProposalType.remove) {
      const [before, now] = [current.tree.leaf(proposal.removed), after.leaf(proposal.removed)];
      return before !== undefined && now !== undefined && sameCredential(before, now);
    }
    return true;
  });
}

/** What the application is told about a proposal. */
export function reportProposal(
  { groupContext }: Pick<Epoch, "groupContext">,
  { content }: AuthenticatedContent,
  { proposal, sender, reference }: CachedProposal,
): ProposalMessage {
  const { authenticatedData } = content;
  return {
    kind: "proposal",
    epoch: groupContext.epoch,
    ...copied({ sender, proposal }),
    reference: reference.slice(),
    authenticatedData: authenticatedData.slice(),
  };
}
