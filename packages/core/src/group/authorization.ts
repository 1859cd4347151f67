// RFC 9420 §12.2, §12.4: what an application is asked to authorize, and its answers.
import { type Proposal, ProposalType } from "../wire/index.js";
import type { Party } from "./member.js";
import type { GroupSnapshot } from "./snapshot.js";

/** What {@link Policy.authorize} is asked about. */
export type ProposedAction = CommitAction | ProposalAction;

/** A whole commit, as it would be in force. Everything about it is known to be valid that needs no secrets. */
export interface CommitAction {
  readonly kind: "commit";
  /** Whether this client makes it. Else it was received. */
  readonly own: boolean;
  /** A member, as in `before`; or a new member who joins by the commit. */
  readonly committer: Party;
  /** The committer's leaf index in `after`: with its new identity, if the commit changes that. */
  readonly leafIndex: number;
  /** Whether the committer joins by it: an external commit (§12.4.3.2). */
  readonly external: boolean;
  /** Whether it renews its committer's keys. */
  readonly path: boolean;
  /** In the order of the commit. None: the commit only renews its committer's keys. */
  readonly proposals: readonly ProposalInCommit[];
  /** The group in the epoch that the commit ends. */
  readonly before: GroupSnapshot;
  /** The group in the epoch that the commit starts. */
  readonly after: GroupSnapshot;
}

/** A proposal of a {@link CommitAction}. */
export interface ProposalInCommit {
  readonly proposal: Proposal;
  readonly proposer: Party;
  /** ProposalRef (§5.2), `Nh` bytes, of one that came in a message of its own. */
  readonly reference: Uint8Array | undefined;
}

/** A proposal that is sent or received by itself (§12.1), for a member to commit. */
export interface ProposalAction {
  readonly kind: "proposal";
  /** Whether this client makes it. Else it was received. */
  readonly own: boolean;
  readonly proposal: Proposal;
  readonly proposer: Party;
  /** The group as it is; `undefined` for a proposal to join one that isn't known here. */
  readonly group: GroupSnapshot | undefined;
}

/**
 * An answer of {@link Policy.authorize}. What stands here for neither kind of action refuses.
 *
 * About a commit: `true` authorizes it. `{ without }` leaves out received proposals, by their references, of a commit
 * that this client makes of all that wait; then the hook is asked again.
 *
 * About a proposal: `"keep"`: own commits include it. `"ignore"`: they don't, and it doesn't hold up messages; others
 * may commit it. `true`: one of these, as {@link authorizeByDefault} says. `"refuse"`, or `false`: it isn't sent, or it
 * is forgotten, so that a commit which refers to it can't be processed.
 */
export type Authorization =
  | boolean
  | "keep"
  | "ignore"
  | "refuse"
  | { readonly without: readonly Uint8Array[] };

/**
 * What holds without {@link Policy.authorize}, for hooks that have no rule for an action. Every valid commit is
 * authorized. Own commits include this client's own proposals, and those of members and of the external senders that
 * the group lists. Not those of new members (`proposeJoin`): anybody can send them. Of others no ReInit: it ends
 * the group. And no PreSharedKey: only the application knows whether all members have the key, and who hasn't can't
 * process the commit.
 * @example
 * const policy: Partial<Policy> = {
 *   authorize: (action) =>
 *     action.kind === "proposal" && action.proposer.kind === "new-member" ? "keep" : authorizeByDefault(action),
 * };
 */
export function authorizeByDefault(action: ProposedAction): true | "keep" | "ignore" {
  return action.kind === "commit" || keptByDefault(action);
}

export function keptByDefault({
  own,
  proposal: { proposalType },
  proposer,
}: Pick<ProposalAction, "own" | "proposal"> & { readonly proposer: Pick<Party, "kind"> }): "keep" | "ignore" {
  const isKept =
    own ||
    (proposer.kind !== "new-member" &&
      proposalType !== ProposalType.reinit &&
      proposalType !== ProposalType.psk);
  return isKept ? "keep" : "ignore";
}
