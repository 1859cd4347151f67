// RFC 9420 §12.2, §12.4.2: the one pipeline from a list of proposals to the resulting group, for commits that are
// made by a member or a new member, received, or followed from outside the group.
import type { SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { authenticateSenders } from "../external-senders.js";
import { type Applied, applyProposals, extensionsAfter, statedExtensions } from "./apply.js";
import { blameOne } from "./filter.js";
import { checkList } from "./list.js";
import { checkOutcome } from "./result.js";
import { checkProposals, type Direction, type ResumptionUsage } from "./single-proposal.js";

/**
 * Checks the list (§12.2) and each proposal (§12.1), and applies them (§12.3). {@link checkResult} is the next step,
 * and the last one is to ask the application: {@link authorizeCommit}.
 * @param committer a member, or a new member who joins by the commit
 * @param direction whether this client makes the commit, or received it
 * @param resumption in the first commit of a group that resumes another one (§11.2, §11.3)
 * @throws ValidationError, CryptoError, MlsError `authentication`, `limit`; `proposal` names an invalid one
 */
export async function validateProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  committer: Sender,
  direction: Direction,
  resumption?: ResumptionUsage,
): Promise<Applied> {
  const { registry } = config;
  checkList(proposals, committer, registry);
  const extensions = extensionsAfter(epoch, proposals, registry);
  await checkProposals(config, epoch, proposals, extensions, direction, resumption);
  // What a GroupContextExtensions lists was checked with it. A proposal of a registered type may change that.
  const listed = statedExtensions(epoch, proposals);
  await authenticateSenders(config, epoch.groupContext.groupId, extensions, listed);
  return applyProposals(epoch, proposals, registry, extensions);
}

/**
 * Checks the group after a commit (§12.2: "after processing the Commit the ratchet tree is invalid").
 * @param tree with the commit's path, if it has one: the path replaces the committer's leaf
 * @throws ValidationError; `proposal` names the one that causes the error, if a single one does
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
