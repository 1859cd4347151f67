// RFC 9420 §12.2, §12.4: asks the application about whole commits, and about proposals that come by themselves.
import { copied, toHex } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { proposalName, type SourcedProposal } from "../../framing/index.js";
import { isPromise } from "../../provider/index.js";
import type { RatchetTree } from "../../tree/index.js";
import { type Extension, type Sender, SenderType } from "../../wire/index.js";
import { keptByDefault, type ProposalAction } from "../authorization.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import type { Member } from "../member.js";
import { Snapshot } from "../snapshot.js";
import { partyOf } from "./sender.js";

/** A valid commit, for the application to authorize. */
export interface CommitToAuthorize {
  readonly committer: Sender;
  readonly own: boolean;
  /** Whether its proposals are settled, so that none can be left out. */
  readonly exact: boolean;
  readonly path: boolean;
  readonly proposals: readonly SourcedProposal[];
  /** The group after it. */
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  /** The committer in that group. The tree needn't have its leaf yet. */
  readonly member: () => Member;
}

/**
 * Asks the application whether a commit may come into force.
 * @returns the received proposals that it wants to be left out; none if it authorizes the commit
 * @throws MlsError `forbidden`
 */
export async function authorizeCommit(
  { policy }: GroupConfig,
  epoch: PublicEpoch,
  { committer, own, exact, path, proposals, tree, extensions, member }: CommitToAuthorize,
): Promise<readonly SourcedProposal[]> {
  if (policy.authorize === undefined) return [];
  const { groupId, epoch: number } = epoch.groupContext;
  const after = member();
  const given = policy.authorize({
    kind: "commit",
    own,
    committer: partyOf(epoch, committer),
    leafIndex: after.leafIndex,
    external: committer.senderType === SenderType.newMemberCommit,
    path,
    proposals: proposals.map(({ proposal, sender, reference }) => ({
      proposal: copied(proposal),
      proposer: partyOf(epoch, sender),
      reference: reference?.slice(),
    })),
    before: new Snapshot(epoch),
    after: new Snapshot({ groupContext: { groupId, epoch: number + 1n, extensions }, tree }, after),
  });
  const answer = isPromise(given) ? await given : given;
  if (answer === true) return [];
  const found = exact ? [] : namedBy(answer, proposals);
  if (found.length === 0) throw new MlsError("forbidden", "the policy doesn't authorize this commit");
  return found;
}

/** The received proposals that an answer `{ without }` names; none for any other answer, or if one isn't found. */
function namedBy(answer: unknown, proposals: readonly SourcedProposal[]): readonly SourcedProposal[] {
  const { without } = Object(answer) as { readonly without?: unknown };
  if (!Array.isArray(without)) return [];
  const received = new Map(proposals.map((one) => [one.reference && toHex(one.reference), one]));
  const found = without.map((one: unknown) =>
    one instanceof Uint8Array ? received.get(toHex(one)) : undefined,
  );
  return found.every((one) => one !== undefined) ? found : [];
}

/**
 * Asks the application about a proposal that comes by itself.
 * @returns whether own commits leave it out
 * @throws MlsError `forbidden`
 */
export async function authorizeProposal(
  { policy }: GroupConfig,
  { group, ...action }: Omit<ProposalAction, "kind" | "group"> & { readonly group: PublicEpoch | undefined },
): Promise<boolean> {
  const given =
    policy.authorize === undefined
      ? true
      : policy.authorize({ kind: "proposal", ...copied(action), group: group && new Snapshot(group) });
  const answer = isPromise(given) ? await given : given;
  const verdict = answer === true ? keptByDefault(action) : answer;
  if (verdict !== "keep" && verdict !== "ignore") {
    const what = proposalName(action.proposal);
    throw new MlsError("forbidden", `the policy doesn't authorize this ${what} proposal`);
  }
  return verdict === "ignore";
}
