// RFC 9420 §12.4: preparing a commit from the options of an application.
import { validateSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import { ContentType, isProposal, MAX_PSKS, ProposalType } from "../../wire/index.js";
import { resumedGroup, resumptionPskId } from "../join/index.js";
import { maxMessageSize } from "../limits.js";
import {
  type CommitOptions,
  checkSharedPsks,
  fairly,
  keepsToShare,
  ownDescription,
  ownProposals,
  proposalFinder,
  proposalsToCommit,
  type ResumptionOptions,
  type ResumptionUsage,
  selectProposals,
  withSharedPsks,
} from "../proposals/index.js";
import type { CachedProposal, GroupState, MemberContext, ResumedGroup } from "../state.js";
import { buildCommit, type CommitRequest, memberCommitter } from "./build.js";
import { type OwnCommit, ownCommit } from "./own.js";

/** The proposals of a commit. */
interface CommitContents extends Pick<CommitRequest, "resumption"> {
  /** Included by value. */
  readonly own: readonly SourcedProposal[];
  /** The received ones that it may include by reference. */
  readonly received: readonly CachedProposal[];
}

export interface PreparedCommit {
  readonly commit: OwnCommit;
  /** The signer that the client needs from now on, if it is another one. */
  readonly newSigner: Signer | undefined;
  /** In the first commit of a group that resumes another one. */
  readonly resumes?: ResumedGroup | undefined;
}

/** Builds a commit. The present epoch changes as in {@link buildCommit}. @throws as `Group.commit` */
export async function prepareCommit(
  context: MemberContext,
  { own, received, resumption }: CommitContents,
  options: CommitOptions,
): Promise<PreparedCommit> {
  const { config, epoch, signer } = context;
  const { identity, references, ratchetTreeInWelcome = config.policy.ratchetTreeInWelcome } = options;
  const nextSigner = identity?.signer === undefined ? signer : config.guard(identity.signer);
  if (identity?.signer !== undefined) await validateSigner(config.provider, identity.signer);
  const { groupContext } = epoch;
  const authenticatedData = config.registry.authenticatedData(options.authenticatedData, groupContext);
  const choose =
    references === undefined
      ? await receivedToChoose(context, received, own)
      : () => ({ proposals: [...namedProposals(context, received, references), ...own] });
  const built = await buildCommit(config, memberCommitter(epoch), {
    select: (leaveOut) => {
      const selection = choose(leaveOut);
      checkSharedPsks(context, selection.proposals);
      return selection;
    },
    forcePath: options.forcePath === true || identity !== undefined,
    freshWelcome: context.staged,
    signer,
    nextSigner,
    description: identity && ownDescription(context, identity),
    authenticatedData,
    ratchetTreeInWelcome,
    resumption,
  });
  const needsTree = built.welcome !== undefined && !ratchetTreeInWelcome;
  return {
    commit: ownCommit(built, { external: false, authenticatedData, needsTree }),
    newSigner: identity?.signer,
    resumes: resumption && resumedGroup(resumption.id),
  };
}

/**
 * Builds the first commit of a group that resumes another one (§11.2, §11.3).
 * @param findPsk returns the resumption PSK of an epoch of the other group
 * @throws as `Group.commit`
 */
export async function prepareResumption(
  context: MemberContext,
  from: GroupState,
  usage: ResumptionUsage,
  findPsk: (epoch: bigint) => Uint8Array | undefined,
  { add, ...options }: ResumptionOptions,
): Promise<PreparedCommit> {
  const id = resumptionPskId(context.config, usage, from);
  const own = ownProposals(context, { add, proposals: [{ proposalType: ProposalType.psk, psk: id }] });
  const config = { ...context.config, psk: () => findPsk(id.pskEpoch) };
  return prepareCommit({ ...context, config }, { own, received: [], resumption: { id, from } }, options);
}

/** Chooses a commit's proposals: the committer's own, and the received ones that can be committed with them (§12.4). */
async function receivedToChoose(
  context: MemberContext,
  received: readonly CachedProposal[],
  own: readonly SourcedProposal[],
): Promise<CommitRequest["select"]> {
  const { config, epoch } = context;
  const { leafIndex } = epoch.keys;
  const allowed = await proposalsToCommit(config, epoch, received, leafIndex);
  // The references take at most half of a message, so that there is room for the path.
  const size = maxMessageSize(config, epoch, {
    contentType: ContentType.commit,
    epoch: epoch.groupContext.epoch,
  });
  const most = Math.floor(size / 2 / (config.provider.suite.hash.Nh + REFERENCE));
  const isPsk = ({ proposal }: SourcedProposal) => isProposal(proposal, ProposalType.psk);
  return (leaveOut) => {
    const left = allowed.filter((one) => !leaveOut(one));
    const shared = withSharedPsks(context, left, own);
    const chosen = fairly(shared, Math.min(most, Math.max(MAX_COMMITTED, 2 * epoch.tree.memberCount)));
    const psks = new Set(fairly(chosen.filter(isPsk), Math.max(0, MAX_PSKS - own.filter(isPsk).length)));
    return selectProposals(
      chosen.filter((one) => !isPsk(one) || psks.has(one)),
      own,
      leafIndex,
      config.registry,
    );
  };
}

/** What a reference takes in a commit besides the hash: its type, and its length. */
const REFERENCE = 2;

/** How many received proposals a commit includes: this many, or two for each member if that is more. */
const MAX_COMMITTED = 1024;

/**
 * The received proposals with these ProposalRefs.
 * @throws MlsError `proposal-missing` for one that wasn't received in this epoch; `limit` for one that others may not have kept
 */
function namedProposals(
  { config }: MemberContext,
  received: readonly CachedProposal[],
  references: readonly Uint8Array[],
): CachedProposal[] {
  const find = proposalFinder(received);
  const inShare = keepsToShare(config.provider.suite, received);
  return references.map((wanted) => {
    const found = find(wanted);
    if (found === undefined)
      throw new MlsError(
        "proposal-missing",
        "options.references names a proposal that wasn't received in this epoch",
        { references: [wanted.slice()] },
      );
    if (!inShare(found))
      throw new MlsError(
        "limit",
        "options.references names a proposal of a sender who sent more than members keep",
      );
    return found;
  });
}
