// RFC 9420 §8, §12: the state of a group as a member has it.
import { type ByteArray, copySecret, wipe } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { SourcedProposal } from "../framing/index.js";
import type { Awaitable, CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import type { SecretPiece, SecretTree } from "../schedule/index.js";
import { NO_KEY } from "../tree/index.js";
import { isProposal, type LeafNode, ProposalType, type ReInit } from "../wire/index.js";
import { type Candidate, withCandidate } from "./candidate.js";
import { type ClientConfig, checkSavedSigner, type GroupConfig, needSigner } from "./config.js";
import type { Epoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";
import { type EndedEpoch, keptEpochs, type PastEpoch, withPast } from "./past-epoch.js";
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
  /** Of an own proposal: the encoded MLSMessage. After a crash nobody else may know whether it was sent. */
  readonly message?: Uint8Array | undefined;
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
  /** What is kept so that another commit can be taken; only by `policy.rewind`, and while there is any. */
  readonly kept?: Kept | undefined;
}

/** An epoch that is kept by `policy.rewind`: the present one, one before it, or one of another branch. */
export interface KeptEpoch {
  /** The commit that starts it; `undefined` if it was there before epochs were kept. */
  readonly commit: Candidate | undefined;
  /** `undefined` if that commit removes this client */
  readonly epoch: Epoch | undefined;
  /** The epoch before it; `undefined` if that isn't kept. */
  readonly on: Epoch | undefined;
  /** Those received in it. */
  readonly proposals: readonly CachedProposal[];
  /** Whether this client was in it: then it isn't derived again, because that would bring back keys that were used. */
  readonly entered: boolean;
  /** Whether this client left it with a commit staged: that may be forgotten since. See {@link MemberContext.staged}. */
  readonly staged: boolean;
  /** When a commit first ended it here, in seconds since the Unix epoch. */
  readonly endedAt: bigint | undefined;
  /**
   * The commits that this client went on by from it, and left, and that are forgotten: by the confirmed transcript hashes of the epochs
   * that they start. None of those is derived again, because that would bring back keys that were used.
   */
  readonly forgotten: readonly ByteArray[];
}

/** All that is kept, besides the staged commits of the present epoch. */
export interface Kept {
  readonly by: RewindSteps;
  /** The present one, as it began. Its epoch is the current one, unless this client was removed. */
  readonly present: KeptEpoch;
  /** The others, in the order in which they came. */
  readonly others: readonly KeptEpoch[];
}

/** What `policy.rewind` does: the code of `@copse/core/rewind`, which is loaded only with it. */
export interface RewindSteps {
  /** The state after a commit, with what is kept. @param after the same without it */
  entered(config: GroupConfig, before: GroupState, after: GroupState, commit: Candidate): GroupState;
  /** The state without what is too old; the same object if nothing is. */
  forget(state: GroupState, policy: Policy): GroupState;
  /** What is kept, as bytes. @param save makes the secret parts */
  save(
    save: {
      key(key: HpkePrivateKey): Promise<Uint8Array>;
      secretTree(tree: SecretTree): SecretPiece[];
      secret(bytes: Uint8Array): Uint8Array;
    },
    state: GroupState,
  ): Promise<Uint8Array>;
  /** The state with what {@link save} saved. @throws MlsError `state` */
  load(
    config: GroupConfig,
    state: GroupState,
    bytes: Uint8Array,
    loadKey: (saved: Uint8Array) => Awaitable<HpkePrivateKey>,
  ): Promise<GroupState>;
}

/** That of the policy: the cast is the one place where its type, which can't name states, is known. */
export function rewindOf({ rewind }: Policy): RewindSteps | undefined {
  return rewind?.steps as RewindSteps | undefined;
}

/** The group that another one resumes: as its subgroup (§11.3), or after a ReInit (§11.2). */
export interface ResumedGroup {
  readonly by: "branch" | "reinit";
  readonly groupId: ByteArray;
  /** The epoch of that group whose resumption PSK ties the two together. */
  readonly epoch: bigint;
}

/** Whether the commit by which this client joins was discarded: then the group is deleted. */
export const isJoinDiscarded = ({ status, candidates }: GroupState): boolean =>
  status === "joining" && candidates.every(({ discarded }) => discarded);

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

/** The step to a state, which overwrites what that doesn't need. */
export function stepTo(before: GroupState, state: GroupState): Transition {
  return { state, release: () => wipeUnneeded(before, state) };
}

/** The step by which one more commit is staged. @throws MlsError `limit` */
export function stageCandidate(state: GroupState, added: Candidate): Transition {
  return stepTo(state, { ...state, candidates: withCandidate(state.candidates, added) });
}

/**
 * The step to the epoch of a commit, or out of the group. It keeps the old epoch's secrets for late messages, and drops all
 * other candidates.
 * @param endedBy the digest of the commit: `Nh` bytes
 */
export function enterEpoch(
  config: GroupConfig,
  state: GroupState,
  commit: Candidate,
  endedBy: Uint8Array,
): Transition {
  const next = stateAfter(state, commit, endedBy, config.policy);
  return stepTo(state, rewindOf(config.policy)?.entered(config, state, next, commit) ?? next);
}

function stateAfter(
  state: GroupState,
  { epoch, changes, own, external, committer }: Candidate,
  endedBy: Uint8Array,
  policy: Policy,
): GroupState {
  if (epoch === undefined) return stateOutside(state, "removed");
  const joined = external ? [...changes.added, committer] : changes.added;
  return {
    ...state,
    status: changes.reinit === undefined ? "active" : "reinitialized",
    current: epoch,
    past: withPast(state.past, state.current, { endedBy, endedByOwn: own, joined }, policy),
    proposals: [],
    candidates: [],
    reinit: changes.reinit,
  };
}

/** The step that forgets past epochs which are too old; `undefined` if none is. */
export function forgetOld(state: GroupState, policy: Policy): Transition | undefined {
  const past = state.past.length === 0 ? state.past : keptEpochs(state.past, policy);
  const kept = past === state.past ? state : { ...state, past };
  const next = kept.kept?.by.forget(kept, policy) ?? kept;
  return next === state ? undefined : stepTo(state, next);
}

/** The state after this client was removed or closed the group: the last epoch, without its keys. */
export function stateOutside(state: GroupState, status: "removed" | "closed"): GroupState {
  const { leafIndex } = state.current.keys;
  const current = { ...state.current, keys: { leafIndex, leafKey: NO_KEY, pathKeys: new Map() } };
  return { ...firstState(current, state.resumes), status };
}

/** The step by which this client closes the group. */
export function closeGroup(state: GroupState): Transition {
  return stepTo(state, stateOutside(state, "closed"));
}

/** The epochs whose secrets and private keys a state needs: also those that staged commits start, and kept ones. */
export function epochsIn({ status, current, candidates, kept }: GroupState): Epoch[] {
  const epochs = status === "removed" || status === "closed" ? [] : [current];
  for (const { epoch } of candidates) if (epoch !== undefined) epochs.push(epoch);
  if (kept !== undefined) for (const { epoch } of kept.others) if (epoch !== undefined) epochs.push(epoch);
  return epochs;
}

/** What is kept of a commit. */
export function keptAs({ kept }: GroupState, { commit }: Candidate): KeptEpoch | undefined {
  return kept && [kept.present, ...kept.others].find((one) => one.commit?.commit === commit);
}

/** The private HPKE keys of an epoch. */
export function privateKeysOf({ keys }: Pick<Epoch, "keys">): HpkePrivateKey[] {
  return [keys.leafKey, ...keys.pathKeys.values()];
}

// The two below are asked for several times by each operation: so they go without flatMap, which takes as long as a hash.

/** The private HPKE keys that a state needs. */
export function privateKeysIn(state: GroupState): HpkePrivateKey[] {
  const keys: HpkePrivateKey[] = [];
  for (const epoch of epochsIn(state)) keys.push(...privateKeysOf(epoch));
  for (const { proposals } of [state, ...(state.kept?.others ?? [])])
    for (const { leafKey } of proposals) if (leafKey !== undefined) keys.push(leafKey);
  return keys;
}

/** The secrets that a state has, and what holds some. */
function secretsIn(state: GroupState): (Uint8Array | { wipe(): void } | undefined)[] {
  const secrets: (Uint8Array | { wipe(): void } | undefined)[] = [];
  for (const one of state.past)
    secrets.push(one.secretTree, one.senderDataSecret, one.resumptionPsk, one.exporterSecret);
  for (const one of epochsIn(state))
    secrets.push(...Object.values(one.secrets), one.secretTree, ...one.ledgers.values());
  return secrets;
}

/** Overwrites the secrets of a state, except those that the next one has too. */
export function wipeUnneeded(before: GroupState, after?: GroupState): void {
  const needed = new Set(after && secretsIn(after));
  for (const one of secretsIn(before)) {
    if (one === undefined || needed.has(one)) continue;
    if ("wipe" in one) one.wipe();
    else wipe(one);
  }
}

/** Overwrites all secrets of a state. */
export function wipeState(state: GroupState): void {
  // The epoch of a group that was left has none; those of one that was restored are to be overwritten all the same.
  wipeUnneeded({ ...state, status: "active" });
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
