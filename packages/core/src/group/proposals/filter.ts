// RFC 9420 §12.2, §12.4: which proposals stand in the way of a commit, though each is valid by itself.
import { MlsError } from "../../errors.js";
import { blame, type SourcedProposal } from "../../framing/index.js";
import { isProposal, ProposalType, SenderType } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { applyProposals, checkResult } from "./apply.js";
import { checkAuthorized, checkSize } from "./authorize.js";
import { checkCustomList } from "./custom.js";

type Public = Pick<Epoch, "groupContext" | "tree">;

/** What is wrong with the tree and the group that a list of proposals gives, if anything is. */
function obstacle(config: GroupConfig, epoch: Public, proposals: readonly SourcedProposal[]): unknown {
  try {
    const applied = applyProposals(epoch, proposals, config.registry);
    const { tree, extensions } = applied;
    checkCustomList(config, epoch, proposals, applied);
    checkResult(config, tree, extensions);
    checkSize(config, tree);
    return undefined;
  } catch (error) {
    return error;
  }
}

const isRemove = ({ proposal }: SourcedProposal) => proposal.proposalType === ProposalType.remove;

/**
 * The same list without received proposals that no commit of it can bring into force here: a PSK that isn't
 * known, an extension that some member doesn't support, a key that is there twice, what the policy forbids. One
 * member's proposal must not keep all others from committing. What the committer itself asks for stays.
 *
 * Takes time in the number of proposals if there is nothing to leave out, else in its square.
 */
export async function filterProposals(
  config: GroupConfig,
  epoch: Epoch,
  proposals: readonly SourcedProposal[],
): Promise<SourcedProposal[]> {
  const committer = { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex };
  const possible: SourcedProposal[] = [];
  for (const sourced of proposals) {
    const { proposal, reference } = sourced;
    if (reference !== undefined) {
      if (isProposal(proposal, ProposalType.psk) && (await config.psk(proposal.psk)) === undefined) continue;
      if (!isPermitted(config, epoch, sourced, committer)) continue;
    }
    possible.push(sourced);
  }
  if (obstacle(config, epoch, possible) === undefined) return possible;
  // A removal never makes things worse, and may be what makes another proposal possible.
  const chosen = new Set(possible.filter((one) => one.reference === undefined || isRemove(one)));
  for (const one of possible) {
    if (chosen.has(one)) continue;
    chosen.add(one);
    if (obstacle(config, epoch, [...chosen]) !== undefined) chosen.delete(one);
  }
  return possible.filter((one) => chosen.has(one));
}

function isPermitted(
  config: GroupConfig,
  epoch: Public,
  sourced: SourcedProposal,
  committer: { readonly senderType: 1; readonly leafIndex: number },
): boolean {
  try {
    checkAuthorized(config, epoch, [sourced], committer);
    return true;
  } catch (error) {
    if (error instanceof MlsError) return false;
    throw error;
  }
}

/** How many proposals are looked through for the one to blame: it takes time in their square. */
const MOST = 64;

/** An error about what a list of proposals gives, saying which of them is to blame, if one is. */
export function blameOne(
  config: GroupConfig,
  epoch: Public,
  proposals: readonly SourcedProposal[],
  error: unknown,
): unknown {
  if (proposals.length > MOST) return error;
  const before = proposals.filter(isRemove);
  if (obstacle(config, epoch, before) !== undefined) return error;
  for (const [index, sourced] of proposals.entries()) {
    if (isRemove(sourced)) continue;
    before.push(sourced);
    if (obstacle(config, epoch, before) !== undefined) return blame(error, sourced, index);
  }
  return error;
}
