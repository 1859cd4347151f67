// RFC 9420 §12.4: preparing a commit as an application asks for it.
import { equalBytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { checkSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import { isProposal, ProposalType, RatchetTreeNodes } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { MemberContext } from "../member-context.js";
import {
  changesOf,
  type CommitMessages,
  type CommitOptions,
  ownDescription,
  selectProposals,
} from "../proposals/index.js";
import type { CachedProposal, PendingCommit } from "../state.js";
import { buildCommit, type CommitRequest, memberCommitter } from "./build.js";

/** What a commit consists of, besides its options. */
export interface CommitContents extends Pick<CommitRequest, "resumption"> {
  /** The proposals that it has by value */
  readonly own: readonly SourcedProposal[];
  /** The proposals that were received */
  readonly received: readonly CachedProposal[];
}

/**
 * Builds a commit, and what is pending until it is merged. Nothing changes but a key of the handshake ratchet.
 * @throws as `Group.commit`
 */
export async function prepareCommit(
  context: MemberContext,
  { own, received, resumption }: CommitContents,
  options: CommitOptions,
): Promise<{ pending: PendingCommit; messages: CommitMessages; nextSigner: Signer }> {
  const { config, epoch, signer } = context;
  const { identity, references, ratchetTreeInWelcome = config.policy.ratchetTreeInWelcome } = options;
  const nextSigner = identity?.signer ?? signer;
  checkSigner(config.provider, nextSigner);
  const { groupContext, keys } = epoch;
  const authenticatedData = config.registry.authenticatedData(options.authenticatedData, groupContext);
  const proposals =
    references === undefined
      ? selectProposals(await withKnownPsks(config, received), own, keys.leafIndex, config.registry)
      : [...references.map((reference) => named(received, reference)), ...own];
  const built = await buildCommit(config, memberCommitter(epoch), {
    proposals,
    leaveOut: references === undefined,
    forcePath: options.forcePath === true || identity !== undefined,
    signer,
    nextSigner,
    description: identity && ownDescription(context, identity),
    authenticatedData,
    ratchetTreeInWelcome,
    resumption,
  });
  const { tree } = built.epoch;
  const needsTree = built.welcome !== undefined && !ratchetTreeInWelcome;
  const messages: CommitMessages = {
    commit: built.commit.slice(),
    welcome: built.welcome,
    // Encoded on demand: it is as large as the group.
    get ratchetTree() {
      return needsTree ? encode(RatchetTreeNodes, tree.toNodes()) : undefined;
    },
  };
  const pending: PendingCommit = {
    commit: built.commit,
    epoch: built.epoch,
    changes: changesOf(built.applied),
    authenticatedData,
    own: own.map(({ proposal }) => proposal),
  };
  return { pending, messages, nextSigner };
}

/** The received proposal with this ProposalRef. @throws MlsError `missing` if it isn't known in this epoch */
function named(received: readonly CachedProposal[], wanted: Uint8Array): CachedProposal {
  const found = received.find(({ reference }) => equalBytes(reference, wanted));
  if (found === undefined) throw new MlsError("missing", "a proposal to commit wasn't received");
  return found;
}

/** The received proposals without those of PSKs that aren't known here. */
async function withKnownPsks(
  config: GroupConfig,
  received: readonly CachedProposal[],
): Promise<CachedProposal[]> {
  const known = [];
  for (const one of received) {
    const { proposal } = one;
    if (isProposal(proposal, ProposalType.psk) && (await config.psk(proposal.psk)) === undefined) continue;
    known.push(one);
  }
  return known;
}
