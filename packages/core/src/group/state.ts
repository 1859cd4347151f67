// RFC 9420 §8, §12: the state of a group as a member has it.
import { copySecret } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { CommittedProposal, SourcedProposal } from "../framing/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import { NO_KEY } from "../tree/index.js";
import { isProposal, type LeafNode, type Proposal, ProposalType, type ReInit } from "../wire/index.js";
import { type ClientConfig, checkSavedSigner, needSigner } from "./config.js";
import { type Epoch, wipeEpoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";
import {
  type EndedEpoch,
  type Ending,
  type PastEpoch,
  pastEpoch,
  wipeEnded,
  wipePast,
} from "./past-epoch.js";

/**
 * Whether a group is in use, or why it isn't. `joining`: an external commit of this client isn't known to be accepted
 * yet. It is the pending commit, and the current epoch is the one that it starts.
 */
export type GroupStatus = "active" | "joining" | "removed" | "reinitialized" | "closed";

/** A valid proposal that was sent separately in the current epoch. */
export interface CachedProposal extends SourcedProposal {
  readonly reference: Uint8Array;
  /** Whether it was validated by itself. One that was restored is validated again before this client commits it. */
  readonly checked: boolean;
  /** Whether the application dropped it: own commits don't include it. */
  readonly dropped?: boolean | undefined;
  /** In an own Update: the new leaf's private key. */
  readonly leafKey?: HpkePrivateKey | undefined;
}

/** A commit that was built but not merged. */
export interface PendingCommit {
  /** The encoded MLSMessage. */
  readonly commit: Uint8Array;
  readonly epoch: Epoch;
  readonly changes: CommitChanges;
  readonly authenticatedData: Uint8Array;
  /** The proposals by value. They are reported as dropped if another commit is accepted first. */
  readonly own: readonly Proposal[];
}

/** The changes of a commit that are reported to the application. */
export interface CommitChanges {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly { readonly leafIndex: number; readonly leafNode: LeafNode }[];
  readonly reinit: ReInit | undefined;
  readonly custom: readonly CommittedProposal[];
}

/** The state of a group as a member has it. Immutable, like {@link Epoch}. */
export interface GroupState {
  readonly status: GroupStatus;
  readonly current: Epoch;
  /** The latest first. */
  readonly past: readonly PastEpoch[];
  readonly proposals: readonly CachedProposal[];
  readonly pending: PendingCommit | undefined;
  /** The ReInit that ended the group (§11.2). */
  readonly reinit: ReInit | undefined;
  readonly resumes: ResumedGroup | undefined;
  /** The epoch that this client ended when it joined, by an external commit. It doesn't have the secrets of that. */
  readonly joinedBy: EndedEpoch | undefined;
}

/** The group that another one resumes: as its subgroup (§11.3), or after a ReInit (§11.2). */
export interface ResumedGroup {
  readonly by: "branch" | "reinit";
  readonly groupId: Uint8Array;
  /** The epoch of that group whose resumption PSK ties the two together. */
  readonly epoch: bigint;
}

/** The state after creating or joining a group. */
export function firstState(current: Epoch, resumes?: ResumedGroup): GroupState {
  const none = undefined;
  const nothing = { pending: none, reinit: none, joinedBy: none };
  return { status: "active", current, past: [], proposals: [], resumes, ...nothing };
}

/** The state of who joins by an external commit, before the delivery service has accepted it. */
export function joiningState(pending: PendingCommit): GroupState {
  return { ...firstState(pending.epoch), status: "joining", pending };
}

/** The step of who joins by an external commit into the epoch that it starts. */
export function enterJoined(state: GroupState, joinedBy: EndedEpoch): Transition {
  const entered: GroupState = { ...state, status: "active", pending: undefined, joinedBy };
  return { state: entered, release: () => undefined };
}

/** A step to another state. */
export interface Transition {
  readonly state: GroupState;
  /** Overwrites the secrets that the new state doesn't need. Call it when nobody can read the old state any more. */
  readonly release: () => void;
}

/** The step to a new epoch. It keeps the old epoch's secrets for late messages, and drops a pending commit. */
export function enterEpoch(
  state: GroupState,
  epoch: Epoch,
  changes: CommitChanges,
  ending: Ending,
  maxPastEpochs: number,
): Transition {
  const { current, pending } = state;
  const past = [pastEpoch(current, ending), ...state.past];
  const expired = past.splice(maxPastEpochs);
  return {
    state: {
      status: changes.reinit === undefined ? "active" : "reinitialized",
      current: epoch,
      past,
      proposals: [],
      pending: undefined,
      reinit: changes.reinit,
      resumes: state.resumes,
      joinedBy: state.joinedBy,
    },
    release: () => {
      wipeEnded(current);
      for (const old of expired) wipePast(old);
      if (pending !== undefined && pending.epoch !== epoch) wipeEpoch(pending.epoch);
    },
  };
}

/** The step after this client was removed or closed the group: the last epoch, without its secrets. */
export function leaveGroup(state: GroupState, status: "removed" | "closed"): Transition {
  const { leafIndex } = state.current.keys;
  const current = { ...state.current, keys: { leafIndex, leafKey: NO_KEY, pathKeys: new Map() } };
  return { state: { ...firstState(current, state.resumes), status }, release: () => wipeState(state) };
}

/** The private HPKE keys of an epoch. */
export function* privateKeysOf({ keys }: Pick<Epoch, "keys">): Iterable<HpkePrivateKey> {
  yield keys.leafKey;
  yield* keys.pathKeys.values();
}

/** The private HPKE keys that a state needs. */
export function* privateKeysIn({
  status,
  current,
  pending,
  proposals,
}: GroupState): Iterable<HpkePrivateKey> {
  if (status === "removed" || status === "closed") return;
  yield* privateKeysOf(current);
  if (pending !== undefined) yield* privateKeysOf(pending.epoch);
  for (const { leafKey } of proposals) if (leafKey !== undefined) yield leafKey;
}

/** Overwrites all secrets of a state. */
export function wipeState({ current, past, pending }: GroupState): void {
  for (const old of past) wipePast(old);
  wipeEpoch(current);
  if (pending !== undefined && pending.epoch !== current) wipeEpoch(pending.epoch);
}

/** @throws MlsError `closed` */
export function needOpen({ status }: GroupState): void {
  if (status === "closed") throw new MlsError("closed", "the group is closed");
}

/** @throws MlsError `pending` while this client joins, `removed`, `closed` */
export function needMember(state: GroupState): void {
  needOpen(state);
  if (state.status === "joining") {
    throw new MlsError("pending", "the external commit isn't accepted yet: merge it first, or clear it");
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
}

/** The signer of the own leaf. @throws MlsError `missing-signer` if the client doesn't have it */
export function signerIn(config: ClientConfig, epoch: Epoch): Signer {
  return needSigner(config, ownLeaf(epoch));
}

/** The own leaf. */
export function ownLeaf({ tree, keys }: Epoch): LeafNode {
  return tree.leaf(keys.leafIndex) as LeafNode;
}

/** The own leaf, and those that may replace it: in the pending commit, and in own Updates. */
function* ownLeaves({ current, pending, proposals }: GroupState): Iterable<LeafNode> {
  yield ownLeaf(current);
  if (pending !== undefined) yield ownLeaf(pending.epoch);
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
