// RFC 9420 §12.2, §12.4: which proposals make a commit invalid although each of them is valid.
import { isVerdict } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import { ProposalType, type Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { applyProposals } from "./apply.js";
import { checkOutcome, checkOwnSupport } from "./result.js";
import { authorizeProposals } from "./sender.js";

/** The error about the group after a list of proposals; `undefined` if that group is valid. */
function resultError(config: GroupConfig, epoch: PublicEpoch, list: readonly SourcedProposal[]): unknown {
  try {
    const applied = applyProposals(epoch, list, config.registry);
    checkOutcome(config, epoch, list, applied, applied.tree);
    checkOwnSupport(config, applied.extensions);
    return undefined;
  } catch (error) {
    return error;
  }
}

const isRemove = ({ proposal }: SourcedProposal) => proposal.proposalType === ProposalType.remove;

/**
 * Leaves out the received proposals that can't be committed with the others: because the policy forbids them, some
 * member doesn't support them, or they repeat a key. Otherwise one member's proposal could keep all members from
 * committing. The committer's own proposals stay.
 *
 * Takes quadratic time in the number of proposals: call it only for a list that was refused.
 */
export async function filterProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  committer: Sender,
): Promise<readonly SourcedProposal[]> {
  const allowed: SourcedProposal[] = [];
  for (const one of proposals) {
    if (one.reference === undefined || (await isAuthorized(config, epoch, one, committer))) allowed.push(one);
  }
  if (resultError(config, epoch, allowed) === undefined) return allowed;
  // A Remove can't make the group invalid, and another proposal may need it.
  const chosen = new Set(allowed.filter((one) => one.reference === undefined || isRemove(one)));
  for (const one of allowed) {
    if (chosen.has(one)) continue;
    chosen.add(one);
    if (resultError(config, epoch, [...chosen]) !== undefined) chosen.delete(one);
  }
  return allowed.filter((one) => chosen.has(one));
}

async function isAuthorized(
  config: GroupConfig,
  epoch: PublicEpoch,
  one: SourcedProposal,
  by: Sender,
): Promise<boolean> {
  try {
    await authorizeProposals(config, epoch, [one], by);
    return true;
  } catch (error) {
    if (isVerdict(error)) return false;
    throw error;
  }
}

/** The longest list in which {@link blameOne} searches: it takes quadratic time. */
const MAX_SEARCHED = 64;

/** The error about a list, with the `proposal` that causes it, if a single one does. */
export function blameOne(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  error: unknown,
): unknown {
  if (proposals.length > MAX_SEARCHED) return error;
  const before = proposals.filter(isRemove);
  if (resultError(config, epoch, before) !== undefined) return error;
  for (const [index, sourced] of proposals.entries()) {
    if (isRemove(sourced)) continue;
    before.push(sourced);
    if (resultError(config, epoch, before) !== undefined) return blame(error, sourced, index);
  }
  return error;
}
