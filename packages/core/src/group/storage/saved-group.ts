// RFC 9420 §8, §12: the state of a group as bytes, in a format of this library.
import { type Bytes, copySecret, equalBytes, utf8, wipe } from "../../bytes.js";
import {
  type Codec,
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
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";
import { SecretTree } from "../../schedule/index.js";
import { RatchetTree, type TreeKeys } from "../../tree/index.js";
import {
  GroupContext,
  isCustomProposal,
  LeafNode,
  ParentNode,
  Proposal,
  RatchetTreeNodes,
  ReInit,
  Sender,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch } from "../epoch.js";
import type { EpochLedger } from "../extensions/index.js";
import type { PastEpoch } from "../past-epoch.js";
import { checkOwnLeaf } from "../proposals/index.js";
import type { CachedProposal, GroupState, GroupStatus, PendingCommit, ResumedGroup } from "../state.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { loadKey, saveKey } from "./saved-key-packages.js";

const FORMAT = 3;
const STATUSES: readonly GroupStatus[] = ["active", "removed", "reinitialized", "joining"];

const SavedKeys = struct({
  leafIndex: uint32,
  leafKey: opaque,
  pathKeys: vector(struct({ node: uint32, key: opaque })),
});

const SavedSecrets = struct({
  senderDataSecret: opaque,
  exporterSecret: opaque,
  externalSecret: opaque,
  confirmationKey: opaque,
  membershipKey: opaque,
  resumptionPsk: opaque,
  epochAuthenticator: opaque,
  initSecret: opaque,
});

// Public parts are opaque bytes here, so that they can be copied, and the saved state overwritten.
const SavedEpoch = struct({
  groupContext: opaque,
  /** RatchetTreeNodes in a snapshot, else SavedChanges */
  tree: opaque,
  keys: SavedKeys,
  secrets: SavedSecrets,
  secretTree: opaque,
  interimTranscriptHash: opaque,
  confirmationTag: opaque,
  ledgers: vector(struct({ label: opaque, ledger: opaque })),
});

const SavedLeaves = vector(struct({ leafIndex: uint32, node: optional(LeafNode) }));
/** The changes to a tree: since the record before, or from the current epoch to a pending commit. */
const SavedChanges = struct({
  leaves: SavedLeaves,
  parents: vector(struct({ nodeIndex: uint32, node: optional(ParentNode) })),
});
const RemovedMembers = vector(struct({ leafIndex: uint32, leafNode: LeafNode }));
const Proposals = vector(Proposal);
const SourceAndProposal = struct({ sender: Sender, proposal: Proposal });
const SourcesAndProposals = vector(SourceAndProposal);

/** The format of `Group.save`, without the digest at its end. */
export const SavedGroup = struct({
  format: uint8,
  cipherSuite: uint16,
  /** The digest of the record before; `undefined` for a snapshot. */
  previous: optional(opaque),
  status: uint8,
  current: SavedEpoch,
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
  pending: optional(
    struct({
      commit: opaque,
      /** `undefined` if it is the current epoch: for who joins by the commit. */
      epoch: optional(SavedEpoch),
      added: vector(uint32),
      updated: vector(uint32),
      removed: opaque,
      reinit: optional(ReInit),
      custom: opaque,
      authenticatedData: opaque,
      own: opaque,
    }),
  ),
  reinit: optional(ReInit),
  resumes: optional(struct({ branch: uint8, groupId: opaque, epoch: uint64 })),
  joinedBy: optional(struct({ epoch: uint64, endedBy: opaque })),
});

/** @param base if set, only the changes from this tree to the epoch's are saved */
async function saveEpoch(
  provider: CipherSuiteProvider,
  epoch: Epoch,
  base: RatchetTree | undefined,
): Promise<TypeOf<typeof SavedEpoch>> {
  const { keys, tree } = epoch;
  const pathKeys = [];
  for (const [node, key] of keys.pathKeys) pathKeys.push({ node, key: await saveKey(provider, key) });
  return {
    groupContext: contextBytes(epoch),
    tree:
      base === undefined
        ? encode(RatchetTreeNodes, tree.toNodes())
        : encode(SavedChanges, base.changesTo(tree)),
    keys: { leafIndex: keys.leafIndex, leafKey: await saveKey(provider, keys.leafKey), pathKeys },
    secrets: epoch.secrets,
    secretTree: epoch.secretTree.save(),
    interimTranscriptHash: epoch.interimTranscriptHash,
    confirmationTag: epoch.confirmationTag,
    ledgers: Array.from(epoch.ledgers, ([label, ledger]) => ({ label: utf8(label), ledger: ledger.save() })),
  };
}

/** Decodes a copy of public bytes, so that the saved state can be overwritten. */
function copied<T>(codec: Codec<T>, bytes: Uint8Array, context?: unknown): T {
  return decode(codec, bytes.slice(), context);
}

/** The ledgers of extensions. @throws MlsError `state` for one of an extension that this client doesn't have */
function loadLedgers(
  config: GroupConfig,
  saved: TypeOf<typeof SavedEpoch>["ledgers"],
): Map<string, EpochLedger> {
  const ledgers = new Map<string, EpochLedger>();
  for (const { label, ledger } of saved) {
    const definition = config.registry.secrets.find((one) => equalBytes(utf8(one.label), label));
    if (definition === undefined || ledgers.has(definition.label))
      throw new MlsError("state", "the saved state has data of an extension that this client doesn't have");
    ledgers.set(definition.label, definition.load(config.provider, ledger));
  }
  return ledgers;
}

async function loadEpoch(
  config: GroupConfig,
  saved: TypeOf<typeof SavedEpoch>,
  tree: RatchetTree,
): Promise<Epoch> {
  const { provider, policy } = config;
  const { leafIndex } = saved.keys;
  const leafNode = tree.leaf(leafIndex);
  if (leafNode === undefined) throw new MlsError("state", "invalid saved state: the own leaf is blank");
  checkOwnLeaf(config, leafNode);
  const pathKeys = new Map<number, HpkePrivateKey>();
  for (const { node, key } of saved.keys.pathKeys) {
    pathKeys.set(node, await loadKey(provider, key, tree.parentNode(node)?.encryptionKey));
  }
  const leafKey = await loadKey(provider, saved.keys.leafKey, leafNode.encryptionKey);
  const keys: TreeKeys = { leafIndex, leafKey, pathKeys };
  const { Nh } = provider.suite.hash;
  const secrets = Object.fromEntries(
    Object.entries(saved.secrets).map(([name, secret]) => {
      if (secret.length !== Nh && secret.length !== 0)
        throw new MlsError("state", `expected ${Nh} bytes of ${name}, got ${secret.length}`);
      return [name, copySecret(secret)];
    }),
  ) as unknown as Epoch["secrets"];
  return {
    groupContext: copied(GroupContext, saved.groupContext),
    tree,
    keys,
    secrets,
    secretTree: SecretTree.load(provider, saved.secretTree, policy.ratchets),
    interimTranscriptHash: saved.interimTranscriptHash.slice(),
    confirmationTag: saved.confirmationTag.slice(),
    ledgers: loadLedgers(config, saved.ledgers),
  };
}

/** The last saved record. The next one can have the changes since. */
export interface SavePoint {
  readonly tree: RatchetTree;
  /** The digest of the record: `Nh` bytes */
  readonly digest: Uint8Array;
}

/**
 * The state as bytes: all of the group's secrets, but no signature key. The same state gives the same bytes.
 * @param since the record before: the tree is then saved as the changes since that record
 * @returns the record, and the save point that it makes
 * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys
 */
export async function saveState(
  provider: CipherSuiteProvider,
  state: GroupState,
  since?: SavePoint,
): Promise<{ bytes: Bytes; saved: SavePoint }> {
  const { current, pending } = state;
  const proposals = [];
  for (const { reference, sender, proposal, leafKey, dropped } of state.proposals) {
    proposals.push({
      reference,
      sourced: encode(SourceAndProposal, { sender, proposal }),
      leafKey: leafKey && (await saveKey(provider, leafKey)),
      dropped: dropped === true ? 1 : 0,
    });
  }
  const body = encode(SavedGroup, {
    format: FORMAT,
    cipherSuite: provider.suite.id,
    status: STATUSES.indexOf(state.status),
    previous: since?.digest,
    current: await saveEpoch(provider, current, since?.tree),
    past: state.past.map((past) => ({
      groupContext: past.groupContext,
      leaves: encode(SavedLeaves, current.tree.leavesTo(past.tree)),
      secretTree: past.secretTree.save(),
      senderDataSecret: past.senderDataSecret,
      resumptionPsk: past.resumptionPsk,
      endedBy: past.endedBy,
      endedByOwn: past.endedByOwn ? 1 : 0,
      joined: past.joined,
    })),
    proposals,
    pending: pending && {
      commit: pending.commit,
      epoch: pending.epoch === current ? undefined : await saveEpoch(provider, pending.epoch, current.tree),
      added: pending.changes.added,
      updated: pending.changes.updated,
      removed: encode(RemovedMembers, pending.changes.removed),
      reinit: pending.changes.reinit,
      custom: encode(SourcesAndProposals, pending.changes.custom),
      authenticatedData: pending.authenticatedData,
      own: encode(Proposals, pending.own),
    },
    reinit: state.reinit,
    resumes: state.resumes && { ...state.resumes, branch: state.resumes.by === "branch" ? 1 : 0 },
    joinedBy: state.joinedBy,
  });
  const { bytes, digest } = await sealRecord(provider, body);
  return { bytes, saved: { tree: current.tree, digest } };
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
  const joining = saved.pending !== undefined && saved.pending.epoch === undefined;
  if (joining !== (status === "joining"))
    throw new MlsError("state", "invalid saved state: only who joins by a commit is in its epoch already");
  const member = status === "active" || joining ? config : { ...config, own: undefined };
  const current = await loadEpoch(member, saved.current, tree);
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
    proposals.push({
      ...copied(SourceAndProposal, sourced, types),
      reference: reference.slice(),
      // Whoever could change the saved state could change the proposal: it is validated again before it is committed.
      checked: false,
      dropped: dropped === 1,
      leafKey: leafKey && (await loadKey(provider, leafKey, undefined)),
    });
  }
  const pending: PendingCommit | undefined = saved.pending && {
    commit: saved.pending.commit.slice(),
    epoch:
      saved.pending.epoch === undefined
        ? current
        : await loadEpoch(
            member,
            saved.pending.epoch,
            tree.withChanges(copied(SavedChanges, saved.pending.epoch.tree)),
          ),
    changes: {
      added: saved.pending.added,
      updated: saved.pending.updated,
      removed: copied(RemovedMembers, saved.pending.removed),
      reinit: saved.pending.reinit && copied(ReInit, encode(ReInit, saved.pending.reinit)),
      custom: copied(SourcesAndProposals, saved.pending.custom, types).flatMap(({ sender, proposal }) =>
        isCustomProposal(proposal) ? [{ sender, proposal }] : [],
      ),
    },
    authenticatedData: saved.pending.authenticatedData.slice(),
    own: copied(Proposals, saved.pending.own, types),
  };
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
  return {
    state: { status, current, past, proposals, pending, reinit, resumes, joinedBy },
    saved: point,
  };
}
