// RFC 9420 §8, §12: the state of a group as a member has it.
import { type ByteArray, copySecret } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { SourcedProposal } from "../framing/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import { NO_KEY } from "../tree/index.js";
import { isProposal, type LeafNode, ProposalType, type ReInit } from "../wire/index.js";
import { type Candidate, withCandidate } from "./candidate.js";
import { type ClientConfig, checkSavedSigner, needSigner } from "./config.js";
import { type Epoch, wipeEpoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";
import { type EndedEpoch, keptEpochs, type PastEpoch, wipeEnded, wipePast, withPast } from "./past-epoch.js";
import type { Policy } from "./policy.js";

/**
 * Whether a group is in use, or why it isn't. `joining`: an external commit of this client isn't known to be accepted
 * yet. It is the only candidate, and the current epoch is the one that it starts.
 */
export type GroupStatus = "active" | "joining" | "removed" | "reinitialized" | "closed";

/** A valid proposal that was sent separately in the current epoch. */
export interface CachedProposal extends SourcedProposal {
  readonly reference: Uint8Array;
  /** The size of the encoded Proposal, in bytes. */
  readonly size: number;
  /** Whether it was validated by itself. One that was restored is validated again before this client commits it. */
  readonly checked: boolean;
  /** Whether the application dropped it: own commits don't include it. */
  readonly dropped?: boolean | undefined;
  /** In an own Update: the new leaf's private key. */
  readonly leafKey?: HpkePrivateKey | undefined;
}

/** The state of a group as a member has it. Immutable, like {@link Epoch}. */
export interface GroupState {
  readonly status: GroupStatus;
  readonly current: Epoch;
  /** The latest first. */
  readonly past: readonly PastEpoch[];
  readonly proposals: readonly CachedProposal[];
  /** The commits of this epoch of which one will be in force, in the order in which they came. */
  readonly candidates: readonly Candidate[];
  /** The ReInit that ended the group (§11.2). */
  readonly reinit: ReInit | undefined;
  readonly resumes: ResumedGroup | undefined;
  /** The epoch that this client ended when it joined, by an external commit. It doesn't have the secrets of that. */
  readonly joinedBy: EndedEpoch | undefined;
}

/** The group that another one resumes: as its subgroup (§11.3), or after a ReInit (§11.2). */
export interface ResumedGroup {
  readonly by: "branch" | "reinit";
  readonly groupId: ByteArray;
  /** The epoch of that group whose resumption PSK ties the two together. */
  readonly epoch: bigint;
}

/** The state after creating or joining a group. */
export function firstState(current: Epoch, resumes?: ResumedGroup): GroupState {
  const none = undefined;
  const nothing = { reinit: none, joinedBy: none };
  return { status: "active", current, past: [], proposals: [], candidates: [], resumes, ...nothing };
}

/** The state of who joins by an external commit, before the delivery service has accepted it. */
export function joiningState(commit: Candidate & { readonly epoch: Epoch }): GroupState {
  return { ...firstState(commit.epoch), status: "joining", candidates: [commit] };
}

/** The step of who joins by an external commit into the epoch that it starts. */
export function enterJoined(state: GroupState, joinedBy: EndedEpoch): Transition {
  const entered: GroupState = { ...state, status: "active", candidates: [], joinedBy };
  return { state: entered };
}

/** A step to another state. */
export interface Transition {
  readonly state: GroupState;
  /** Overwrites the secrets that the new state doesn't need. Call it when nobody can read the old state any more. */
  readonly release?: (() => void) | undefined;
}

/** The step by which one more commit is staged. @throws MlsError `limit` */
export function stageCandidate(state: GroupState, added: Candidate): Transition {
  const { candidates, forgotten } = withCandidate(state.candidates, added);
  return { state: { ...state, candidates }, release: () => wipeCandidates(forgotten ? [forgotten] : []) };
}

/**
 * The step to the epoch of a commit. It keeps the old epoch's secrets for late messages, and drops all other candidates.
 * @param endedBy the digest of the commit: `Nh` bytes
 */
export function enterEpoch(
  state: GroupState,
  { epoch, changes, own, external, committer }: Candidate & { readonly epoch: Epoch },
  endedBy: Uint8Array,
  policy: Policy,
): Transition {
  const { current, candidates } = state;
  const joined = external ? [...changes.added, committer] : changes.added;
  const { past, release } = withPast(state.past, current, { endedBy, endedByOwn: own, joined }, policy);
  return {
    state: {
      ...state,
      status: changes.reinit === undefined ? "active" : "reinitialized",
      current: epoch,
      past,
      proposals: [],
      candidates: [],
      reinit: changes.reinit,
    },
    release: () => {
      wipeEnded(current);
      release();
      wipeCandidates(candidates, epoch);
    },
  };
}

/** The step that forgets past epochs which are too old; `undefined` if none is. */
export function forgetOld(state: GroupState, policy: Policy): Transition | undefined {
  if (state.past.length === 0) return undefined;
  const { past, release } = keptEpochs(state.past, policy);
  return past === state.past ? undefined : { state: { ...state, past }, release };
}

/** Overwrites the secrets of the epochs that don't start. @param except the one that does */
function wipeCandidates(candidates: readonly Candidate[], except?: Epoch): void {
  for (const { epoch } of candidates) if (epoch !== undefined && epoch !== except) wipeEpoch(epoch);
}

/** The step after this client was removed or closed the group: the last epoch, without its secrets. */
export function leaveGroup(state: GroupState, status: "removed" | "closed"): Transition {
  const { leafIndex } = state.current.keys;
  const current = { ...state.current, keys: { leafIndex, leafKey: NO_KEY, pathKeys: new Map() } };
  return { state: { ...firstState(current, state.resumes), status }, release: () => wipeState(state) };
}

/** The private HPKE keys of an epoch. */
export function privateKeysOf({ keys }: Pick<Epoch, "keys">): HpkePrivateKey[] {
  return [keys.leafKey, ...keys.pathKeys.values()];
}

/** The private HPKE keys that a state needs. */
export function privateKeysIn({ status, current, candidates, proposals }: GroupState): HpkePrivateKey[] {
  if (status === "removed" || status === "closed") return [];
  const keys = privateKeysOf(current);
  for (const { epoch } of candidates) if (epoch !== undefined) keys.push(...privateKeysOf(epoch));
  for (const { leafKey } of proposals) if (leafKey !== undefined) keys.push(leafKey);
  return keys;
}

/** Overwrites all secrets of a state. */
export function wipeState({ current, past, candidates }: GroupState): void {
  for (const old of past) wipePast(old);
  wipeEpoch(current);
  wipeCandidates(candidates, current);
}

/** @throws MlsError `closed` */
export function needOpen({ status }: GroupState): void {
  if (status === "closed") throw new MlsError("closed", "the group is closed");
}

/** @throws MlsError `pending` while this client joins, `removed`, `closed` */
export function needMember(state: GroupState): void {
  needOpen(state);
  if (state.status === "joining") {
    throw new MlsError("pending", "the external commit isn't accepted yet: merge it first, or discard it");
  }
  if (state.status === "removed") throw new MlsError("removed", "this client was removed from the group");
}

/** @throws MlsError as {@link needMember} */
export function needActive(state: GroupState): void {
  needMember(state);
  if (state.status !== "active") throw new MlsError("closed", "the group ended by ReInit");
}

/** A copy of the resumption PSK (§8.6) of the current epoch or a kept one; `undefined` for others, and for non-members. */
export function resumptionPskOf(state: GroupState, epoch: bigint): Uint8Array | undefined {
  const { status, current, past } = state;
  if (status === "joining" || status === "removed" || status === "closed") return undefined;
  if (epoch === current.groupContext.epoch) return copySecret(current.secrets.resumptionPsk);
  const kept = past.find((one) => one.epoch === epoch);
  return kept && copySecret(kept.resumptionPsk);
}

/** A member in an epoch. */
export interface MemberContext {
  readonly config: ClientConfig;
  readonly epoch: Epoch;
  /** The latest first. */
  readonly past: readonly PastEpoch[];
  readonly signer: Signer;
  /** Whether a commit was staged in this epoch: then an own Welcome may have been sent, which nobody can join by. */
  readonly staged: boolean;
}

/** The signer of the own leaf. @throws MlsError `missing-signer` if the client doesn't have it */
export function signerIn(config: ClientConfig, epoch: Epoch): Signer {
  return needSigner(config, ownLeaf(epoch));
}

/** The own leaf. */
export function ownLeaf({ tree, keys }: Epoch): LeafNode {
  return tree.leaf(keys.leafIndex) as LeafNode;
}

/** The own leaf, and those that are expected to replace it: in staged commits, and in own Updates. */
function* ownLeaves({ current, candidates, proposals }: GroupState): Iterable<LeafNode> {
  yield ownLeaf(current);
  for (const { epoch, discarded } of candidates) if (epoch && !discarded) yield ownLeaf(epoch);
  for (const { proposal, leafKey } of proposals) {
    const isOwnUpdate = leafKey !== undefined && isProposal(proposal, ProposalType.update);
    if (isOwnUpdate) yield proposal.leafNode;
  }
}

/**
 * Checks that the client has the signers of a group, and those that it may switch to: a missing one would block a
 * later commit.
 * @throws MlsError `missing-signer`
 */
export function checkSigners(config: ClientConfig, state: GroupState): void {
  for (const leafNode of ownLeaves(state)) needSigner(config, leafNode);
}

/** Checks that the application holds all signers that a saved state needs. @throws MlsError `usage` */
export function checkSavedSigners(config: ClientConfig, state: GroupState): void {
  for (const leafNode of ownLeaves(state)) checkSavedSigner(config, leafNode);
}

/** The epoch, as `Group.withEpoch` passes it to extensions. */
export interface EpochAccess {
  readonly provider: CipherSuiteProvider;
  readonly group: GroupView;
  readonly leafIndex: number;
  /** The own leaf's private key. */
  readonly leafKey: HpkePrivateKey;
  readonly signer: Signer;
  /** An extension's ledger by the label of its secret; `undefined` if the epoch started without the extension. */
  ledger(label: string): EpochLedger | undefined;
  /**
   * Makes a change of a ledger at the end of the operation, in the order of the calls: not if the work fails, or was
   * given up. `change` must not wait.
   */
  atEnd(change: () => void): void;
}

export function accessTo({ config, epoch, signer }: MemberContext, atEnd: EpochAccess["atEnd"]): EpochAccess {
  const { groupContext, tree, keys, ledgers } = epoch;
  return {
    provider: config.provider,
    group: { groupContext, tree },
    leafIndex: keys.leafIndex,
    leafKey: keys.leafKey,
    signer,
    ledger: (label) => ledgers.get(label),
    atEnd,
  };
}
