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
  findProposal,
  ownDescription,
  ownProposals,
  proposalsToCommit,
  type ResumptionOptions,
  type ResumptionUsage,
  type Selection,
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
  const choice =
    references === undefined
      ? await chooseReceived(context, received, own)
      : { proposals: [...references.map((reference) => findReceived(received, reference)), ...own] };
  checkSharedPsks(context, choice.proposals);
  const built = await buildCommit(config, memberCommitter(epoch), {
    ...choice,
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

/** The proposals of a commit: the committer's own, and the received ones that can be committed with them (§12.4). */
async function chooseReceived(
  context: MemberContext,
  received: readonly CachedProposal[],
  own: readonly SourcedProposal[],
): Promise<Selection> {
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
  let psks = MAX_PSKS - own.filter(isPsk).length;
  const shared = withSharedPsks(context, allowed, own)
    .filter((one) => !isPsk(one) || psks-- > 0)
    .slice(0, most);
  return selectProposals(shared, own, leafIndex, config.registry);
}

/** What a reference takes in a commit besides the hash: its type, and its length. */
const REFERENCE = 2;

/** The received proposal with this ProposalRef. @throws MlsError `missing` if there is none in this epoch */
function findReceived(received: readonly CachedProposal[], wanted: Uint8Array): CachedProposal {
  const found = findProposal(received, wanted);
  if (found === undefined)
    throw new MlsError("missing", "options.references names a proposal that wasn't received in this epoch");
  return found;
}
