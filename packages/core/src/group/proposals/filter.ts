// RFC 9420 §12.2, §12.4: which proposals make a commit invalid although each of them is valid.
import { isVerdict } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import { type LeafNode, ProposalType } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { checkGrowth } from "../limits.js";
import { type Applied, applyProposals } from "./apply.js";
import { checkOutcome, checkOwnSupport } from "./result.js";
import { fairly } from "./room.js";

/** The longest list to search in quadratic time. */
const MAX_SEARCHED = 64;

/** Whether the group after a list of proposals is valid. */
function isValid(config: GroupConfig, epoch: PublicEpoch, list: readonly SourcedProposal[]): boolean {
  try {
    const applied = applyProposals(epoch, list, config.registry);
    checkOutcome(config, epoch, list, applied, applied.tree);
    checkOwnSupport(config, applied.extensions);
    return true;
  } catch {
    return false;
  }
}

const isRemove = ({ proposal }: SourcedProposal) => proposal.proposalType === ProposalType.remove;

/** Calls `check`. Whether it throws nothing. @throws what is no verdict, such as of a hook that failed */
function holds(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (isVerdict(error)) return false;
    throw error;
  }
}

/** Whether a proposal only puts a leaf into the tree. Then the tree alone tells whether it can be committed. */
const isLeaf = ({ proposal }: SourcedProposal) =>
  proposal.proposalType === ProposalType.add || proposal.proposalType === ProposalType.update;

/** §12.2: checks the group after a list that this client may commit. */
function checkCommittable(
  config: GroupConfig,
  epoch: PublicEpoch,
  list: readonly SourcedProposal[],
  applied: Applied,
  tree: RatchetTree,
  leaves?: () => Iterable<LeafNode>,
): void {
  checkOutcome(config, epoch, list, applied, tree, leaves);
  checkOwnSupport(config, applied.extensions);
  checkGrowth(config.policy, epoch.tree.memberCount, tree.memberCount);
}

/**
 * Leaves out the received proposals that can't be committed with the others: because some member doesn't support them,
 * or they repeat a key. Otherwise one member's proposal could keep all members from committing. The committer's own
 * proposals stay.
 *
 * Takes a step for each Add and Update, which is tried on the tree with those that were chosen before. Of the others,
 * which need a look at all of them each time, no more than {@link MAX_SEARCHED} are tried, and the rest left out.
 * @param withOwnLeaf gives a tree with what is known of the committer's new leaf
 */
export function filterProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  withOwnLeaf: (tree: RatchetTree) => RatchetTree,
): readonly SourcedProposal[] {
  const { registry } = config;
  const check = (
    list: readonly SourcedProposal[],
    applied: Applied,
    after = applied.tree,
    leaves?: () => Iterable<LeafNode>,
  ) => checkCommittable(config, epoch, list, applied, withOwnLeaf(after), leaves);
  const fits = (list: readonly SourcedProposal[]) =>
    holds(() => check(list, applyProposals(epoch, list, registry)));
  if (fits(proposals)) return proposals;
  // A Remove can't make the group invalid, and another proposal may need it.
  const first = proposals.filter((one) => one.reference === undefined || isRemove(one));
  if (!fits(first)) return first;
  const chosen = new Set(first);
  let { tree, extensions } = applyProposals(epoch, first, registry);
  const others = proposals.filter((one) => !chosen.has(one) && !isLeaf(one));
  const tryOthers = (some: readonly SourcedProposal[]) =>
    holds(() => {
      const list = [...first, ...proposals.filter((one) => chosen.has(one) && !isLeaf(one)), ...some];
      const applied = applyProposals(epoch, list, registry);
      check(list, applied, tree);
      ({ extensions } = applied);
      for (const one of some) chosen.add(one);
    });
  for (const one of proposals.filter((one) => !chosen.has(one) && isLeaf(one))) {
    holds(() => {
      const applied = applyProposals({ ...epoch, tree }, [one], registry, extensions);
      // Of the leaves, only this one is new.
      check([one], applied, applied.tree, () => leavesIn(applied));
      ({ tree } = applied);
      chosen.add(one);
    });
  }
  if (!tryOthers(others)) for (const one of fairly(others, MAX_SEARCHED)) tryOthers([one]);
  const found = proposals.filter((one) => chosen.has(one));
  return fits(found) ? found : first;
}

/** The leaves that proposals put into the tree. */
function leavesIn({ added, updated }: Applied): LeafNode[] {
  return [...added.map(({ keyPackage }) => keyPackage.leafNode), ...updated.map(({ leafNode }) => leafNode)];
}

/** The error about a list, with the `proposal` that causes it, if a single one does. */
export function blameOne(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  error: unknown,
): unknown {
  if (proposals.length > MAX_SEARCHED) return error;
  const before = proposals.filter(isRemove);
  if (!isValid(config, epoch, before)) return error;
  for (const [index, sourced] of proposals.entries()) {
    if (isRemove(sourced)) continue;
    before.push(sourced);
    if (!isValid(config, epoch, before)) return blame(error, sourced, index);
  }
  return error;
}
