// RFC 9420 §8.6, §12.1.4: resumption PSKs go into a commit only if all members of the next epoch can have them.
import { equalBytes } from "../../bytes.js";
import { ensure } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import {
  isCustomPsk,
  isProposal,
  ofType,
  type Proposal,
  ProposalType,
  PSKType,
  ResumptionPSKUsage,
} from "../../wire/index.js";
import type { Epoch, PublicEpoch } from "../epoch.js";
import { sameCredential } from "../member.js";
import type { PastEpoch } from "../past-epoch.js";
import type { MemberContext } from "../state.js";

type History = Pick<MemberContext, "epoch" | "past">;

/** The epoch of this group whose resumption PSK a proposal injects; `undefined` for other proposals. */
function epochOfPsk({ groupContext }: Epoch, proposal: Proposal): bigint | undefined {
  if (!isProposal(proposal, ProposalType.psk)) return undefined;
  const { psk } = proposal;
  if (isCustomPsk(psk) || psk.pskType !== PSKType.resumption) return undefined;
  // That of a ReInit belongs to the old group, whose ID the new one may have.
  if (psk.usage !== ResumptionPSKUsage.application) return undefined;
  return equalBytes(psk.pskGroupId, groupContext.groupId) ? psk.pskEpoch : undefined;
}

const isAdd = ({ proposal }: SourcedProposal) => isProposal(proposal, ProposalType.add);

function removedBy(list: readonly SourcedProposal[]): number[] {
  return ofType(list, ProposalType.remove).map(({ removed }) => removed);
}

/** Whether somebody joined after an epoch and is a member after these proposals. */
function hasYounger(past: readonly PastEpoch[], epoch: bigint, list: readonly SourcedProposal[]): boolean {
  const removed = removedBy(list);
  return past.some((one) => one.epoch >= epoch && one.joined.some((leaf) => !removed.includes(leaf)));
}

/**
 * Whether somebody joined after an epoch of this group ended here, as far as the leaves tell: one was blank then, or had
 * another credential.
 */
function hasJoinedSince(
  { tree }: Epoch,
  now: PublicEpoch["tree"],
  list: readonly SourcedProposal[],
): boolean {
  const removed = removedBy(list);
  for (const { leafIndex, leafNode } of now.members()) {
    const before = tree.leaf(leafIndex);
    if (removed.includes(leafIndex) || (before !== undefined && sameCredential(before, leafNode))) continue;
    return true;
  }
  return false;
}

/**
 * Checks that all members of the next epoch were members in the epoch of each resumption PSK of this group: others
 * can't process the commit, or join by its Welcome. A rule for senders alone: the RFC doesn't make such a commit invalid.
 * @param now the tree of the present epoch, for who joins again and knows only an earlier one
 * @throws ValidationError
 */
export function checkSharedPsks(
  { epoch, past }: History,
  list: readonly SourcedProposal[],
  now?: PublicEpoch["tree"],
): void {
  for (const { proposal } of list) {
    const of = epochOfPsk(epoch, proposal);
    if (of === undefined) continue;
    const isShared =
      !list.some(isAdd) &&
      !hasYounger(past, of, list) &&
      (now === undefined || !hasJoinedSince(epoch, now, list));
    ensure(
      isShared,
      "8.6: a resumption PSK must be known to all members of the new epoch, so they must have been members in its epoch",
      () => `epoch ${of}`,
    );
  }
}

/**
 * The received proposals that {@link checkSharedPsks} accepts together with the committer's own: without PSKs that some
 * member can't have. A PSK of the committer's own goes before received Adds.
 */
export function withSharedPsks<S extends SourcedProposal>(
  { epoch, past }: History,
  received: readonly S[],
  own: readonly SourcedProposal[],
): readonly S[] {
  if (own.some(({ proposal }) => epochOfPsk(epoch, proposal) !== undefined)) {
    return received.filter((one) => !isAdd(one));
  }
  const adds = own.some(isAdd) || received.some(isAdd);
  return received.filter(({ proposal }) => {
    const of = epochOfPsk(epoch, proposal);
    return of === undefined || !(adds || hasYounger(past, of, own));
  });
}
