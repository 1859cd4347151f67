// RFC 9420 §12.2, §12.4: which proposals stand in the way of a commit, though each is valid by itself.
import { MlsError } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import { ProposalType, type Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { applyProposals } from "./apply.js";
import { authorizeProposals } from "./authorize.js";
import { checkOutcome } from "./result.js";

/** What is wrong with the group that a list of proposals gives; `undefined` if nothing is. */
function obstacle(config: GroupConfig, epoch: PublicEpoch, proposals: readonly SourcedProposal[]): unknown {
  try {
    const applied = applyProposals(epoch, proposals, config.registry);
    checkOutcome(config, epoch, proposals, applied, applied.tree);
    return undefined;
  } catch (error) {
    return error;
  }
}

const isRemove = ({ proposal }: SourcedProposal) => proposal.proposalType === ProposalType.remove;

/**
 * The list without the received proposals that can't be in force with the others: the policy forbids them, some
 * member doesn't support them, or they repeat a key. One member's proposal must not keep all others from
 * committing. What the committer itself asks for stays.
 *
 * For a list that was refused: takes time in the square of the number of proposals.
 */
export function filterProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  committer: Sender,
): readonly SourcedProposal[] {
  const allowed = proposals.filter(
    (one) => one.reference === undefined || isAuthorized(config, epoch, one, committer),
  );
  if (obstacle(config, epoch, allowed) === undefined) return allowed;
  // A removal never makes things worse, and may be what makes another proposal possible.
  const chosen = new Set(allowed.filter((one) => one.reference === undefined || isRemove(one)));
  for (const one of allowed) {
    if (chosen.has(one)) continue;
    chosen.add(one);
    if (obstacle(config, epoch, [...chosen]) !== undefined) chosen.delete(one);
  }
  return allowed.filter((one) => chosen.has(one));
}

function isAuthorized(
  config: GroupConfig,
  epoch: PublicEpoch,
  sourced: SourcedProposal,
  committer: Sender,
): boolean {
  try {
    authorizeProposals(config, epoch, [sourced], committer);
    return true;
  } catch (error) {
    if (error instanceof MlsError) return false;
    throw error;
  }
}

/** The number of proposals among which the one to blame is looked for: it takes time in their square. */
const MOST_BLAMED = 64;

/** The error about a list of proposals, which says which of them is to blame, if one is. */
export function blameOne(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  error: unknown,
): unknown {
  if (proposals.length > MOST_BLAMED) return error;
  const before = proposals.filter(isRemove);
  if (obstacle(config, epoch, before) !== undefined) return error;
  for (const [index, sourced] of proposals.entries()) {
    if (isRemove(sourced)) continue;
    before.push(sourced);
    if (obstacle(config, epoch, before) !== undefined) return blame(error, sourced, index);
  }
  return error;
}
