// RFC 9420 §12.2: asking the application who may propose and commit what.
import { MlsError } from "../../errors.js";
import { blame, proposalName, type SourcedProposal } from "../../framing/index.js";
import type { Proposal, Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import type { Party } from "../member.js";
import { partyOf } from "./sender.js";

/**
 * §12.2: asks the application whether each proposal may be made by its sender, and committed by the committer.
 * @param committer `undefined` for a proposal that is sent separately
 * @throws MlsError `forbidden`; its `proposal` names the refused one
 */
export function authorizeProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  committer?: Sender,
): void {
  if (config.policy.authorize === undefined) return;
  const by = committer && partyOf(epoch, committer);
  for (const [index, sourced] of proposals.entries()) {
    try {
      authorizeProposal(config, sourced.proposal, partyOf(epoch, sourced.sender), by);
    } catch (error) {
      throw blame(error, sourced, index);
    }
  }
}

/** Asks the application about one proposal. @throws MlsError `forbidden` */
export function authorizeProposal(
  { policy }: GroupConfig,
  proposal: Proposal,
  proposer: Party,
  committer?: Party,
): void {
  if (policy.authorize !== undefined && policy.authorize({ proposal, proposer, committer }) !== true) {
    throw new MlsError("forbidden", `the policy doesn't authorize this ${proposalName(proposal)} proposal`);
  }
}
