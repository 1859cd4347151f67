// RFC 9420 §8, §12: the state of a group as bytes, in a format of this library.
import { type Bytes, copySecret, equalBytes, wipe } from "../../bytes.js";
import {
  decode,
  encode,
  opaque,
  optional,
  struct,
  type TypeOf,
  uint8,
  uint16,
  uint32,
  uint64,
  vector,
} from "../../codec/index.js";
import type { HeldKeys } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";
import { SecretTree } from "../../schedule/index.js";
import { RatchetTree } from "../../tree/index.js";
import { GroupContext, Proposal, RatchetTreeNodes, ReInit, Sender } from "../../wire/index.js";
import type { Candidate } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import { contextBytes } from "../epoch.js";
import type { PastEpoch } from "../past-epoch.js";
import type { CachedProposal, GroupState, GroupStatus, ResumedGroup } from "../state.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { loadCandidate, SavedCandidate, saveCandidate } from "./saved-candidate.js";
import { copied, loadEpoch, SavedChanges, SavedLeaves, SavedMember, saveMember } from "./saved-epoch.js";
import { KeyLoader, saveKey } from "./stored-key.js";

const FORMAT = 5;
const STATUSES: readonly GroupStatus[] = ["active", "removed", "reinitialized", "joining"];

// Public parts are opaque bytes here, so that they can be copied, and the saved state overwritten.
const SourceAndProposal = struct({ sender: Sender, proposal: Proposal });

/** The format of `Group.save`, without the digest at its end. */
export const SavedGroup = struct({
  format: uint8,
  cipherSuite: uint16,
  /** The digest of the record before; `undefined` for a snapshot. */
  previous: optional(opaque),
  status: uint8,
  current: struct({
    groupContext: opaque,
    /** RatchetTreeNodes in a snapshot, else SavedChanges */
    tree: opaque,
    member: SavedMember,
  }),
  past: vector(
    struct({
      groupContext: opaque,
      /** The changes to the leaves of the current epoch: SavedLeaves */
      leaves: opaque,
      secretTree: opaque,
      senderDataSecret: opaque,
      resumptionPsk: opaque,
      endedBy: opaque,
      endedByOwn: uint8,
      joined: vector(uint32),
    }),
  ),
  proposals: vector(
    struct({ reference: opaque, sourced: opaque, leafKey: optional(opaque), dropped: uint8 }),
  ),
  candidates: vector(SavedCandidate),
  reinit: optional(ReInit),
  resumes: optional(struct({ branch: uint8, groupId: opaque, epoch: uint64 })),
  joinedBy: optional(struct({ epoch: uint64, endedBy: opaque })),
  /** In a key store or a token: private keys that only the record before needs. */
  retired: vector(opaque),
  /** Whether the leaf key is that of a key package that may be used again. */
  sharesLeafKey: uint8,
});

/** The last saved record. The next one can have the changes since. */
export interface SavePoint {
  readonly tree: RatchetTree;
  /** The digest of the record: `Nh` bytes */
  readonly digest: Uint8Array;
}

/**
 * The state as bytes: all of the group's secrets, but no signature key. The same state gives the same bytes.
 * @param keys which of the group's private keys only the record before needs
 * @param since the record before: the tree is then saved as the changes since that record
 * @returns the record, and the save point that it makes
 * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys
 */
export async function saveState(
  provider: CipherSuiteProvider,
  state: GroupState,
  keys: Pick<HeldKeys, "retired" | "isShared">,
  since?: SavePoint,
): Promise<{ bytes: Bytes; saved: SavePoint }> {
  const { current } = state;
  const { tree } = current;
  const proposals = [];
  for (const { reference, sender, proposal, leafKey, dropped } of state.proposals) {
    proposals.push({
      reference,
      sourced: encode(SourceAndProposal, { sender, proposal }),
      leafKey: leafKey && (await saveKey(provider, leafKey)),
      dropped: dropped === true ? 1 : 0,
    });
  }
  const candidates = [];
  for (const one of state.candidates) candidates.push(await saveCandidate(provider, current, one));
  const retired = [];
  for (const key of keys.retired) retired.push(await saveKey(provider, key));
  const body = encode(SavedGroup, {
    format: FORMAT,
    cipherSuite: provider.suite.id,
    status: STATUSES.indexOf(state.status),
    previous: since?.digest,
    current: {
      groupContext: contextBytes(current),
      tree:
        since === undefined
          ? encode(RatchetTreeNodes, tree.toNodes())
          : encode(SavedChanges, since.tree.changesTo(tree)),
      member: await saveMember(provider, current),
    },
    past: state.past.map((past) => ({
      groupContext: past.groupContext,
      leaves: encode(SavedLeaves, tree.leavesTo(past.tree)),
      secretTree: past.secretTree.save(),
      senderDataSecret: past.senderDataSecret,
      resumptionPsk: past.resumptionPsk,
      endedBy: past.endedBy,
      endedByOwn: past.endedByOwn ? 1 : 0,
      joined: past.joined,
    })),
    proposals,
    candidates,
    reinit: state.reinit,
    resumes: state.resumes && { ...state.resumes, branch: state.resumes.by === "branch" ? 1 : 0 },
    joinedBy: state.joinedBy,
    retired,
    sharesLeafKey: keys.isShared(current.keys.leafKey) ? 1 : 0,
  });
  const { bytes, digest } = await sealRecord(provider, body);
  return { bytes, saved: { tree, digest } };
}

/** A record that was checked and decoded. */
interface ReadRecord {
  readonly digest: Uint8Array;
  readonly saved: TypeOf<typeof SavedGroup>;
}

/** Decodes a record. @throws DecodeError, MlsError `state` for another format or suite, and for damaged bytes */
async function readRecord(provider: CipherSuiteProvider, bytes: Uint8Array): Promise<ReadRecord> {
  const { body, digest } = await openRecord(provider, FORMAT, bytes);
  return { digest, saved: decode(SavedGroup, body) };
}

/** The save point of the last record: the tree of the snapshot, with the changes of the later records. */
function lastSavePoint(records: readonly ReadRecord[]): SavePoint {
  let before: SavePoint | undefined;
  for (const { digest, saved } of records) {
    const { previous } = saved;
    let tree: RatchetTree;
    if (previous === undefined) tree = RatchetTree.fromNodes(copied(RatchetTreeNodes, saved.current.tree));
    else {
      if (before === undefined || !equalBytes(previous, before.digest)) {
        throw new MlsError("state", "the saved changes don't follow the record before them");
      }
      tree = before.tree.withChanges(copied(SavedChanges, saved.current.tree));
    }
    before = { tree, digest };
  }
  return before as SavePoint;
}

/**
 * The state that {@link saveState} saved.
 * @param bytes a snapshot, and the later records in their order. They are overwritten.
 * @returns the state, and the save point for further changes
 * @throws MlsError `state` for damaged or foreign bytes, another suite, or records out of order; `try-again` if the
 *   provider can't find the keys now
 */
export async function loadState(config: GroupConfig, bytes: readonly Uint8Array[]): Promise<LoadedState> {
  try {
    return await loading("saved state", () => loadRecords(config, bytes));
  } finally {
    wipe(...bytes);
  }
}

/** A loaded group, and the save point for further changes. */
export interface LoadedState {
  readonly state: GroupState;
  readonly saved: SavePoint;
  /** As in `KnownKeys`. */
  readonly retired: readonly HpkePrivateKey[];
  readonly shared: HpkePrivateKey | undefined;
}

async function loadRecords(config: GroupConfig, bytes: readonly Uint8Array[]): Promise<LoadedState> {
  const { provider, policy, registry } = config;
  const types = registry.proposalTypes;
  const records: ReadRecord[] = [];
  for (const record of bytes) records.push(await readRecord(provider, record));
  const { saved } = records.at(-1) as ReadRecord;
  const point = lastSavePoint(records);
  const { tree } = point;
  const status = STATUSES[saved.status];
  if (status === undefined)
    throw new MlsError("state", `invalid saved state: unknown status ${saved.status}`);
  const joining = saved.candidates.some(({ next }) => next === undefined);
  if (joining !== (status === "joining") || (joining && saved.candidates.length !== 1))
    throw new MlsError("state", "invalid saved state: only who joins by a commit is in its epoch already");
  const member = status === "active" || joining ? config : { ...config, own: undefined };
  const keys = new KeyLoader(provider);
  const current = await loadEpoch(member, saved.current.groupContext, tree, saved.current.member, keys);
  const past = saved.past.map((one): PastEpoch => {
    const context = one.groupContext.slice();
    return {
      epoch: decode(GroupContext, context).epoch,
      groupContext: context,
      tree: current.tree.withLeaves(copied(SavedLeaves, one.leaves)),
      secretTree: SecretTree.load(provider, one.secretTree, policy.ratchets),
      senderDataSecret: copySecret(one.senderDataSecret),
      resumptionPsk: copySecret(one.resumptionPsk),
      endedBy: one.endedBy.slice(),
      endedByOwn: one.endedByOwn === 1,
      joined: one.joined,
    };
  });
  const proposals: CachedProposal[] = [];
  for (const { reference, sourced, leafKey, dropped } of saved.proposals) {
    const { sender, proposal } = copied(SourceAndProposal, sourced, types);
    proposals.push({
      sender,
      proposal,
      size: encode(Proposal, proposal).length,
      reference: reference.slice(),
      // Whoever could change the saved state could change the proposal: it is validated again before it is committed.
      checked: false,
      dropped: dropped === 1,
      leafKey: leafKey && (await keys.load(leafKey, undefined)),
    });
  }
  const candidates: Candidate[] = [];
  for (const one of saved.candidates) candidates.push(await loadCandidate(member, current, one, keys));
  const reinit = saved.reinit && copied(ReInit, encode(ReInit, saved.reinit));
  const resumes: ResumedGroup | undefined = saved.resumes && {
    by: saved.resumes.branch === 1 ? "branch" : "reinit",
    groupId: saved.resumes.groupId.slice(),
    epoch: saved.resumes.epoch,
  };
  const joinedBy = saved.joinedBy && {
    epoch: saved.joinedBy.epoch,
    endedBy: saved.joinedBy.endedBy.slice(),
    endedByOwn: true,
  };
  const retired: HpkePrivateKey[] = [];
  for (const one of saved.retired) retired.push(...(await keys.loadIfThere(one)));
  return {
    state: { status, current, past, proposals, candidates, reinit, resumes, joinedBy },
    saved: point,
    retired,
    shared: saved.sharesLeafKey === 1 ? current.keys.leafKey : undefined,
  };
}
