// RFC 9420 §8, §12: the state of a group as bytes, in a format of this library.
import { type Bytes, copied, copySecret, equalBytes, wipe } from "../../bytes.js";
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
import { MAX_CANDIDATES } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import { keptEpochs, type PastEpoch } from "../past-epoch.js";
import type { GroupState, GroupStatus } from "../state.js";
import { choice, flag, later, nested, publicBytes } from "./fields.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { loadCandidate, SavedCandidate, saveCandidate } from "./saved-candidate.js";
import { loadEpoch, SavedChanges, SavedLeaves, SavedMember, saveMember } from "./saved-epoch.js";
import { inTurn, keyLoader, loadIfThere, saving } from "./stored-key.js";

const FORMAT = 6;
const status = /* @__PURE__ */ choice<GroupStatus>(["active", "removed", "reinitialized", "joining"]);

/** The format of `Group.save`, without the digest at its end. */
export const SavedGroup = struct({
  format: uint8,
  cipherSuite: uint16,
  /** The digest of the record before; `undefined` for a snapshot. */
  previous: optional(opaque),
  status,
  current: struct({
    groupContext: nested(GroupContext),
    /** RatchetTreeNodes in a snapshot, else SavedChanges */
    tree: publicBytes,
    member: SavedMember,
  }),
  past: vector(
    struct({
      groupContext: publicBytes,
      /** The changes to the leaves of the current epoch. */
      leaves: nested(SavedLeaves),
      secretTree: opaque,
      senderDataSecret: opaque,
      resumptionPsk: opaque,
      exporterSecret: optional(opaque),
      endedBy: publicBytes,
      endedByOwn: flag,
      endedAt: uint64,
      joined: vector(uint32),
    }),
  ),
  proposals: vector(
    struct({
      reference: publicBytes,
      sourced: later(struct({ sender: Sender, proposal: Proposal })),
      leafKey: optional(opaque),
      dropped: flag,
    }),
  ),
  candidates: vector(SavedCandidate, MAX_CANDIDATES),
  reinit: optional(ReInit),
  resumes: optional(struct({ by: choice(["reinit", "branch"]), groupId: publicBytes, epoch: uint64 })),
  joinedBy: optional(struct({ epoch: uint64, endedBy: publicBytes })),
  /** In a key store or a token: private keys that only the record before needs. */
  retired: vector(opaque),
  /** Whether the leaf key is that of a key package that may be used again. */
  sharesLeafKey: flag,
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
  const body = await saving(provider, async (save) => {
    const proposals = await inTurn(state.proposals, async (value) => {
      const { reference, leafKey: key, dropped = false } = value;
      return { reference, sourced: { value }, leafKey: key && (await save.key(key)), dropped };
    });
    const candidates = await inTurn(state.candidates, (one) => saveCandidate(save, current, one));
    const retired = await inTurn(keys.retired, (key) => save.key(key));
    return encode(SavedGroup, {
      format: FORMAT,
      cipherSuite: provider.suite.id,
      status: state.status,
      previous: since?.digest,
      current: {
        groupContext: current.groupContext,
        tree: saveTree(tree, since),
        member: await saveMember(save, current),
      },
      past: state.past.map((past) => ({
        ...past,
        leaves: tree.changesTo(past.tree).leaves,
        secretTree: save.secretTree(past.secretTree),
      })),
      proposals,
      candidates,
      reinit: state.reinit,
      resumes: state.resumes,
      joinedBy: state.joinedBy,
      retired,
      sharesLeafKey: keys.isShared(current.keys.leafKey),
    });
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
async function readRecord({ provider, registry }: GroupConfig, bytes: Uint8Array): Promise<ReadRecord> {
  const { body, digest } = await openRecord(provider, FORMAT, bytes);
  return { digest, saved: decode(SavedGroup, body, registry.proposalTypes) };
}

/** A tree in a record. @param since the record before, if only what changed since is wanted */
export function saveTree(tree: RatchetTree, since: SavePoint | undefined): Bytes {
  return since === undefined
    ? encode(RatchetTreeNodes, tree.toNodes())
    : encode(SavedChanges, since.tree.changesTo(tree));
}

/** The tree of {@link saveTree}. @throws MlsError `state` if the record before isn't the one that it names */
export function loadTree(
  saved: Uint8Array,
  previous: Uint8Array | undefined,
  before: SavePoint | undefined,
): RatchetTree {
  if (previous === undefined) return RatchetTree.fromNodes(decode(RatchetTreeNodes, saved));
  if (before === undefined || !equalBytes(previous, before.digest)) {
    throw new MlsError("state", "the saved changes don't follow the record before them");
  }
  return before.tree.withChanges(decode(SavedChanges, saved));
}

/**
 * The state that {@link saveState} saved.
 * @param bytes a snapshot, and the later records in their order. They are overwritten.
 * @param before the record before the first, if that isn't a snapshot
 * @returns the state, and the save point for further changes
 * @throws MlsError `state` for damaged or foreign bytes, another suite, or records out of order; `try-again` if the
 *   provider can't find the keys now
 */
export async function loadState(
  config: GroupConfig,
  bytes: readonly Uint8Array[],
  before?: SavePoint,
): Promise<LoadedState> {
  try {
    return await loading("saved state", () => loadRecords(config, bytes, before));
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

async function loadRecords(
  config: GroupConfig,
  bytes: readonly Uint8Array[],
  before: SavePoint | undefined,
): Promise<LoadedState> {
  const { provider, policy } = config;
  const records = await inTurn(bytes, (record) => readRecord(config, record));
  const { saved } = records.at(-1) as ReadRecord;
  let point = before;
  for (const { digest, saved } of records)
    point = { tree: loadTree(saved.current.tree, saved.previous, point), digest };
  const { tree } = point as SavePoint;
  const { status, resumes } = saved;
  const joining = saved.candidates.some(({ next }) => next === undefined);
  if (joining !== (status === "joining") || (joining && saved.candidates.length !== 1))
    throw new MlsError("state", "invalid saved state: only who joins by a commit is in its epoch already");
  const member = status === "active" || joining ? config : { ...config, own: undefined };
  const loadKey = keyLoader(provider);
  const current = await loadEpoch(member, saved.current.groupContext, tree, saved.current.member, loadKey);
  const loaded = saved.past.map(
    ({ leaves, ...one }): PastEpoch => ({
      ...one,
      epoch: decode(GroupContext, one.groupContext).epoch,
      tree: current.tree.withChanges({ leaves, parents: [] }),
      secretTree: SecretTree.load(provider, one.secretTree, policy.ratchets),
      senderDataSecret: copySecret(one.senderDataSecret),
      resumptionPsk: copySecret(one.resumptionPsk),
      exporterSecret: one.exporterSecret && copySecret(one.exporterSecret),
    }),
  );
  const { past, release } = keptEpochs(loaded, policy);
  release();
  const proposals = await inTurn(saved.proposals, async ({ sourced: { value }, ...one }) => ({
    ...value,
    ...one,
    size: encode(Proposal, value.proposal).length,
    // Whoever could change the saved state could change the proposal: it is validated again before it is committed.
    checked: false,
    leafKey: one.leafKey && (await loadKey(one.leafKey, undefined)),
  }));
  const candidates = await inTurn(saved.candidates, (one) => loadCandidate(member, current, one, loadKey));
  const reinit = copied(saved.reinit);
  const joinedBy = saved.joinedBy && { ...saved.joinedBy, endedByOwn: true };
  const retired = await inTurn(saved.retired, (one) => loadIfThere(loadKey, one));
  return {
    state: { status, current, past, proposals, candidates, reinit, resumes, joinedBy },
    saved: point as SavePoint,
    retired: retired.flat(),
    shared: saved.sharesLeafKey ? current.keys.leafKey : undefined,
  };
}
