// RFC 9420 §12.2, §12.4.2: the one way from a list of proposals to the group that they give. Everybody takes it: who
// makes a commit, who joins by it, who receives it, and who follows the group from outside.
import type { SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { type Applied, applyProposals, extensionsAfter } from "./apply.js";
import { authorizeProposals } from "./authorize.js";
import { blameOne } from "./filter.js";
import { checkList } from "./list.js";
import { checkOutcome } from "./result.js";
import { checkProposals, type ResumptionUsage } from "./single-proposal.js";

/** The proposals of a commit. */
export interface ProposalsToCommit {
  /** In the order of the commit. */
  readonly proposals: readonly SourcedProposal[];
  /** A member, or a new member who joins by the commit. */
  readonly committer: Sender;
  /** In the first commit of a group that resumes another one (§11.2, §11.3). */
  readonly resumption?: ResumptionUsage | undefined;
}

/**
 * Checks the list (§12.2), then each proposal (§12.1); asks the application whether it authorizes them; and applies
 * them (§12.3). {@link checkResult} is the next step.
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`; with `proposal` where one is to blame
 */
export async function validateProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  { proposals, committer, resumption }: ProposalsToCommit,
): Promise<Applied> {
  const { registry } = config;
  checkList(proposals, committer, registry);
  const extensions = extensionsAfter(epoch, proposals, registry);
  await checkProposals(config, epoch, proposals, extensions, resumption);
  authorizeProposals(config, epoch, proposals, committer);
  return applyProposals(epoch, proposals, registry, extensions);
}

/**
 * Checks the group that a commit gives (§12.2: "after processing the Commit the ratchet tree is invalid").
 * @param tree with the commit's path, if it has one: a path may repair the committer's own leaf
 * @throws ValidationError, MlsError `limit`; with `proposal` where one is to blame
 */
export function checkResult(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  applied: Applied,
  tree: RatchetTree,
): void {
  try {
    checkOutcome(config, epoch, proposals, applied, tree);
  } catch (error) {
    throw blameOne(config, epoch, proposals, error);
  }
}
