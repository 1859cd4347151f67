// RFC 9420 §12.4: the proposals that were received in an epoch: how many are kept, and which of them own commits have.
import { type Bytes, copied, equalBytes, type Owned, toHex } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { isProposal, type Proposal, ProposalType, type Sender, SenderType } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import type { Party } from "../member.js";
import type { CachedProposal } from "../state.js";
import { keepsToShare } from "./room.js";
import { partyOf } from "./sender.js";
import { checkProposals, checkSending } from "./single-proposal.js";

/** A valid proposal of the present epoch that isn't committed yet (§12.4), as the application sees it. */
export interface WaitingProposal {
  readonly proposal: Owned<Proposal>;
  readonly sender: Sender;
  /** The same as `sender`, with the credential and key of a member or an external sender. */
  readonly proposer: Party;
  /** ProposalRef (§5.2): `Nh` bytes */
  readonly reference: Bytes;
  /**
   * Whether own commits include it, unless another proposal excludes it: as `policy.authorize` said when it came, and not
   * expired or dropped, nor of a sender who sent more than everybody keeps. An own Update, and a Remove of this client,
   * only another member can commit. Only proposals that own commits include hold up `encrypt`.
   */
  readonly willCommit: boolean;
  /**
   * Of an own proposal: the encoded MLSMessage that `propose` returned. A member that hasn't received it can't receive a
   * commit of it: so after a restart, send it again if it may not have been sent.
   */
  readonly message: Bytes | undefined;
}

/** Finds cached proposals by their ProposalRefs: in a time that doesn't depend on their number. */
export function proposalFinder(
  known: readonly CachedProposal[],
): (reference: Uint8Array) => CachedProposal | undefined {
  const byReference = new Map(known.map((one) => [toHex(one.reference), one]));
  const Nh = known[0]?.reference.length;
  return (reference) => (reference.length === Nh ? byReference.get(toHex(reference)) : undefined);
}

/** The cached proposal with a ProposalRef. */
export function findProposal(
  known: readonly CachedProposal[],
  reference: Uint8Array,
): CachedProposal | undefined {
  return known.find((one) => equalBytes(one.reference, reference));
}

/** The state with one more cached proposal, unless it has that already. */
export function withProposal<S extends { readonly proposals: readonly CachedProposal[] }>(
  state: S,
  proposal: CachedProposal,
): S {
  if (findProposal(state.proposals, proposal.reference) !== undefined) return state;
  return { ...state, proposals: [...state.proposals, proposal] };
}

/** Proposals by their ProposalRefs, or by a function that says it of each that waits. */
export type ProposalChoice = Uint8Array | readonly Uint8Array[] | ((waiting: WaitingProposal) => boolean);

/**
 * The state in which own commits don't include some proposals. They stay known, because another member may commit them.
 * @throws MlsError `proposal-missing` if there is no such proposal in this epoch
 */
export function withoutProposals<S extends { readonly proposals: readonly CachedProposal[] }>(
  state: S,
  which: ProposalChoice,
  waiting: readonly WaitingProposal[],
): S {
  const find = proposalFinder(state.proposals);
  const isChosen = typeof which === "function" && which;
  const references = isChosen ? [] : ([which].flat() as Uint8Array[]);
  const missing = references.filter((one) => find(one) === undefined);
  if (missing.length > 0) {
    throw new MlsError("proposal-missing", "no proposal with this reference was received in this epoch", {
      references: copied(missing),
    });
  }
  // Those of a function by their places: the application may have written into what it was shown.
  const found = new Set(
    isChosen
      ? state.proposals.filter((_, i) => isChosen(waiting[i] as WaitingProposal) === true)
      : references.map(find),
  );
  const proposals = state.proposals.map((one) => (found.has(one) ? { ...one, dropped: true } : one));
  return { ...state, proposals };
}

/** §12.2: whether only another member can commit it: an Update of the committer's, or a Remove of the committer. */
function isForOthers({ proposal, sender }: CachedProposal, committer: number | undefined): boolean {
  if (isProposal(proposal, ProposalType.remove)) return proposal.removed === committer;
  return (
    isProposal(proposal, ProposalType.update) &&
    sender.senderType === SenderType.member &&
    sender.leafIndex === committer
  );
}

/**
 * §12.4: tells which of the cached proposals a commit of a member includes, as far as each alone decides. What the policy
 * leaves out counts as "invalid due to application policy".
 * @param ownLeaf the member's leaf; `undefined` for a follower
 */
function includedOf(
  config: GroupConfig,
  epoch: PublicEpoch,
  known: readonly CachedProposal[],
  ownLeaf: number | undefined,
): (one: CachedProposal) => boolean {
  const inShare = keepsToShare(config.provider.suite, known);
  return (one) => {
    if (one.dropped === true || isForOthers(one, ownLeaf) || !inShare(one)) return false;
    try {
      checkSending(config, epoch, one);
      return true;
    } catch {
      return false;
    }
  };
}

type Kept = "proposal" | "reference" | "message";

/** What the application is told about the cached proposals: a copy of this. */
export function waitingProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  known: readonly CachedProposal[],
  ownLeaf: number | undefined,
): (Omit<WaitingProposal, Kept> & Pick<CachedProposal, Kept>)[] {
  const isIncluded = includedOf(config, epoch, known, ownLeaf);
  return known.map((one) => ({
    proposal: one.proposal,
    sender: one.sender,
    proposer: partyOf(epoch, one.sender),
    reference: one.reference,
    willCommit: isIncluded(one),
    message: one.message,
  }));
}

/** The cached proposals that a commit of a member includes, unless they exclude each other. */
export async function proposalsToCommit(
  config: GroupConfig,
  epoch: PublicEpoch,
  known: readonly CachedProposal[],
  ownLeaf: number,
): Promise<CachedProposal[]> {
  const chosen: CachedProposal[] = [];
  for (const one of known.filter(includedOf(config, epoch, known, ownLeaf)))
    if (await isUsable(config, epoch, one)) chosen.push({ ...one, checked: true });
  return chosen;
}

/** Whether a member must commit before it sends application data (§12.4). */
export function hasProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  known: readonly CachedProposal[],
  ownLeaf: number,
): boolean {
  return known.length > 0 && known.some(includedOf(config, epoch, known, ownLeaf));
}

/** Whether a proposal is still valid if it was restored, and its PSK is known here. What fails here isn't committed. */
async function isUsable(config: GroupConfig, epoch: PublicEpoch, one: CachedProposal): Promise<boolean> {
  const { proposal } = one;
  try {
    if (!one.checked) await checkProposals(config, epoch, [one], epoch.groupContext.extensions, "sending");
    return !isProposal(proposal, ProposalType.psk) || (await config.psk(proposal.psk)) !== undefined;
  } catch {
    return false;
  }
}
