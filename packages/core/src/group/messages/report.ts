// RFC 9420 §6, §12, §15: what the application is told about received messages.
import { type Bytes, copied, type Owned, toHex } from "../../bytes.js";
import type { CommittedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  type GroupContext,
  isCustomProposal,
  isProposal,
  type Proposal,
  ProposalType,
  type ReInit,
  type Sender,
  SenderType,
  sameExtensions,
} from "../../wire/index.js";
import { type Candidate, ownCandidates, type PublicCandidate } from "../candidate.js";
import type { Epoch } from "../epoch.js";
import type { Registry } from "../extensions/index.js";
import { type Member, type MemberLeaf, memberOf, type Party, sameCredential } from "../member.js";
import { type CachedProposal, type GroupState, keptAs } from "../state.js";

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
  readonly proposal: Owned<Proposal>;
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
  readonly reinit: Owned<ReInit> | undefined;
  /** Whether a staged commit of this client was dropped, because this one came first. */
  readonly droppedPending: boolean;
  /**
   * This client's proposals, from its dropped commits or sent separately, that this commit doesn't contain and that
   * this client can still commit, with `commit({ proposals })`. What isn't a proposal doesn't come back: renewed keys, a
   * new identity, authenticated data. Nor does a list of extensions, if this commit changed the group's; nor its own
   * Remove, which it must propose again.
   */
  readonly dropped: readonly Owned<Proposal>[];
  /** Committed proposals of registered types, in the order of the commit. */
  readonly custom: readonly Owned<CommittedProposal>[];
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

/** A proposal that a commit contains. */
export interface ListedProposal {
  readonly proposal: Owned<Proposal>;
  readonly sender: Sender;
  /** The same as `sender`, with the credential and key of a member or an external sender. */
  readonly proposer: Party;
  /** ProposalRef (§5.2), `Nh` bytes, of one that came in a message of its own; `undefined` for others. */
  readonly reference: Bytes | undefined;
}

/** A group as far as its members are concerned. */
export interface MembersView {
  readonly groupContext: GroupContext;
  readonly tree: Pick<RatchetTree, "leaf"> & { members(): Iterable<MemberLeaf> };
}

/** The group before a staged commit. */
export function groupBefore(state: GroupState, commit: Candidate): MembersView {
  const { status, current } = state;
  const { committer, changes } = commit;
  const { removed } = changes;
  const { groupContext, tree } = keptAs(state, commit)?.on ?? current;
  if (status !== "joining") return { groupContext, tree };
  // Who joins is in the next epoch already: an external commit changes no leaves but these.
  const changed = new Map([[committer, undefined], ...removed.map((one) => [one.leafIndex, one] as const)]);
  const members = () => {
    const kept = [...tree.members()].filter(({ leafIndex }) => !changed.has(leafIndex));
    return [...kept, ...removed].sort((a, b) => a.leafIndex - b.leafIndex);
  };
  const leaf = (leafIndex: number) =>
    changed.has(leafIndex) ? changed.get(leafIndex)?.leafNode : tree.leaf(leafIndex);
  return { groupContext, tree: { leaf, members } };
}

/** Whether this client can still send after a commit. */
export function isActive({ epoch, changes }: Pick<Candidate, "epoch" | "changes">): boolean {
  return epoch !== undefined && changes.reinit === undefined;
}

/** What the application is told about a commit, from the tree that it leads to. */
export function reportCommit(
  { own, committer, external, changes, authenticatedData, next: { groupContext, tree } }: PublicCandidate,
  {
    active = changes.reinit === undefined,
    droppedPending = false,
    dropped = [],
  }: Partial<Pick<CommitMessage, "active" | "droppedPending">> & {
    readonly dropped?: readonly Proposal[];
  } = {},
): CommitMessage {
  const membersAt = (...leafIndices: readonly number[]) =>
    leafIndices.flatMap((leafIndex) => {
      const leafNode = tree.leaf(leafIndex);
      return leafNode === undefined ? [] : [memberOf(leafIndex, leafNode)];
    });
  return {
    kind: "commit",
    epoch: groupContext.epoch,
    committer: membersAt(committer)[0] as Member,
    external,
    own,
    added: membersAt(...changes.added, ...(external ? [committer] : [])),
    updated: membersAt(...changes.updated),
    removed: changes.removed.map(({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode)),
    active,
    reinit: copied(changes.reinit),
    droppedPending,
    dropped: copied(dropped),
    custom: copied(changes.custom),
    authenticatedData: authenticatedData.slice(),
  };
}

/**
 * The own proposals that a commit doesn't contain and that can still be committed after it. Own Updates are left out:
 * they belong to the epoch that ended, and any commit with a path has the same effect.
 */
export function ownDropped(
  { current, candidates, proposals }: GroupState,
  commit: Candidate,
  registry: Registry,
): Proposal[] {
  const { tree: after, groupContext } = commit.next;
  const covered = new Set(commit.proposals.map(({ reference }) => reference && toHex(reference)));
  const staged = ownCandidates(candidates).filter((one) => one !== commit);
  const byValue = staged.flatMap((one) => one.proposals.filter(({ reference }) => reference === undefined));
  const separate = proposals.filter(
    ({ sender, reference }) =>
      sender.senderType === SenderType.member &&
      sender.leafIndex === current.keys.leafIndex &&
      !covered.has(toHex(reference)),
  );
  const own = [...byValue, ...separate].map(({ proposal }) => proposal);
  return own.filter((proposal) => {
    if (proposal.proposalType === ProposalType.update) return false;
    // `commit` can't include by value what commits only include by reference.
    if (isCustomProposal(proposal)) return registry.need(proposal).committedBy !== "reference";
    if (proposal.proposalType === ProposalType.add) {
      return !after.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey);
    }
    // The whole list of the epoch that ended: it would undo what another commit changed.
    if (isProposal(proposal, ProposalType.groupContextExtensions))
      return sameExtensions(current.groupContext.extensions, groupContext.extensions);
    if (proposal.proposalType === ProposalType.remove) {
      // Nobody can commit their own removal.
      if (proposal.removed === current.keys.leafIndex) return false;
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
