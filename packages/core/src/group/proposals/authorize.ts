// RFC 9420 §12.2, §12.4: what the application allows whom to do, and how large a group may get.
import { MlsError } from "../../errors.js";
import { blame, proposalName, type SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Sender } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { partyOf } from "./sender.js";

/**
 * §12.2: asks the application whether each proposal may be made by its sender, and committed by the committer.
 * @param committer left out where a proposal comes by itself
 * @throws MlsError `forbidden`, with `proposal` saying which
 */
export function checkAuthorized(
  { policy }: GroupConfig,
  epoch: Pick<Epoch, "groupContext" | "tree">,
  proposals: readonly SourcedProposal[],
  committer?: Sender,
): void {
  if (policy.authorize === undefined) return;
  const by = committer && partyOf(epoch, committer);
  for (const [index, sourced] of proposals.entries()) {
    const { proposal, sender } = sourced;
    const action = { proposal, proposer: partyOf(epoch, sender), committer: by };
    if (policy.authorize(action) !== true) {
      throw blame(
        new MlsError("forbidden", `the policy doesn't permit this ${proposalName(proposal)} proposal`),
        sourced,
        index,
      );
    }
  }
}

/** @throws MlsError `limit` if the group has more members than the policy allows */
export function checkSize({ policy }: GroupConfig, tree: RatchetTree): void {
  if (tree.memberCount > policy.maxMembers) {
    throw new MlsError(
      "limit",
      `a group of ${tree.memberCount} members, where ${policy.maxMembers} are the most`,
    );
  }
}

/** @throws MlsError `limit` if a message is larger than the policy allows */
export function checkMessageSize({ policy }: GroupConfig, message: Uint8Array): void {
  if (message.length > policy.maxMessageSize) {
    throw new MlsError(
      "limit",
      `a message of ${message.length} bytes, where ${policy.maxMessageSize} are the most`,
    );
  }
}
