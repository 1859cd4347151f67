// RFC 9420 §12.4: preparing a commit as an application asks for it.
import { equalBytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { checkSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import { isProposal, ProposalType, RatchetTreeNodes } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { type Epoch, wipeEpoch } from "../epoch.js";
import { checkResumption, type ResumptionPskId } from "../join/index.js";
import type { MemberContext } from "../member-context.js";
import {
  changesOf,
  type CommitMessages,
  type CommitOptions,
  filterProposals,
  ownDescription,
  selectProposals,
} from "../proposals/index.js";
import type { CachedProposal, GroupState, PendingCommit } from "../state.js";
import { createCommit } from "./build.js";

/** What a commit is made of, besides its options. */
export interface CommitSource {
  /** The host's, unless the commit has PSKs of its own. */
  readonly config: GroupConfig;
  /** What it has by value */
  readonly own: readonly SourcedProposal[];
  /** The proposals that were received */
  readonly received: readonly CachedProposal[];
  /** In the first commit of a group that follows another one (§11.2, §11.3) */
  readonly resumption?: { readonly id: ResumptionPskId; readonly from: GroupState };
}

/**
 * Creates a commit, and what is pending until it is merged. Nothing changes but a key of the handshake ratchet.
 * @throws as `Group.commit`
 */
export async function prepareCommit(
  at: MemberContext,
  { config, own, received, resumption }: CommitSource,
  options: CommitOptions,
): Promise<{ pending: PendingCommit; messages: CommitMessages; nextSigner: Signer }> {
  const { policy, provider } = config;
  const { epoch } = at;
  const { identity, ratchetTreeInWelcome = policy.ratchetTreeInWelcome } = options;
  const nextSigner = identity?.signer ?? at.signer;
  checkSigner(provider, nextSigner);
  const authenticatedData = config.registry.authenticatedData(options.authenticatedData, epoch.groupContext);
  const created = await createCommit(config, epoch, {
    proposals: await proposalsToCommit(config, epoch, received, own, options.references),
    forcePath: options.forcePath === true || identity !== undefined,
    signer: at.signer,
    nextSigner,
    description: identity && ownDescription(at, identity),
    authenticatedData,
    ratchetTreeInWelcome,
    resumption: resumption?.id.usage,
  });
  try {
    if (resumption !== undefined) checkResumption(config, resumption.id, resumption.from, created.epoch);
  } catch (error) {
    wipeEpoch(created.epoch);
    throw error;
  }
  const pending: PendingCommit = {
    commit: created.commit,
    epoch: created.epoch,
    changes: changesOf(created.applied),
    authenticatedData,
    own: own.map(({ proposal }) => proposal),
  };
  const needsTree = created.welcome !== undefined && !ratchetTreeInWelcome;
  const { tree } = created.epoch;
  const messages: CommitMessages = {
    commit: created.commit.slice(),
    welcome: created.welcome,
    // It is as large as the group, and whoever keeps the tree elsewhere never asks for it.
    get ratchetTree() {
      return needsTree ? encode(RatchetTreeNodes, tree.toNodes()) : undefined;
    },
  };
  return { pending, messages, nextSigner };
}

/** @throws MlsError `missing` for a reference to a proposal that isn't known in this epoch */
async function proposalsToCommit(
  config: GroupConfig,
  epoch: Epoch,
  received: readonly CachedProposal[],
  own: readonly SourcedProposal[],
  references: CommitOptions["references"],
): Promise<SourcedProposal[]> {
  if (references !== undefined) {
    const named = references.map((wanted) => {
      const found = received.find(({ reference }) => equalBytes(reference, wanted));
      if (found === undefined) throw new MlsError("missing", "a proposal to commit wasn't received");
      return found;
    });
    return [...named, ...own];
  }
  const addable = received.filter((one) => !isTaken(epoch, one));
  return filterProposals(config, epoch, selectProposals(addable, own, epoch.keys.leafIndex, config.registry));
}

/** An Add of a client that is in the group already, which makes a commit invalid unless it is removed too. */
function isTaken({ tree }: Epoch, { proposal }: SourcedProposal): boolean {
  return (
    isProposal(proposal, ProposalType.add) && tree.hasSignatureKey(proposal.keyPackage.leafNode.signatureKey)
  );
}
