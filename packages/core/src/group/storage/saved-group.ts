// RFC 9420 §8, §12: the state of a group as bytes, in a format of this library.
import { type Bytes, copied, EMPTY, sharedCopies, wipe } from "../../bytes.js";
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
import { type SecretPiece, SecretTree } from "../../schedule/index.js";
import type { RatchetTree } from "../../tree/index.js";
import { epochIn, GroupContext, LeafNodeSource, Proposal, ReInit, Sender } from "../../wire/index.js";
import { MAX_CANDIDATES } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { keptEpochs, type PastEpoch } from "../past-epoch.js";
import {
  type CachedProposal,
  epochsIn,
  type GroupState,
  type GroupStatus,
  ownLeaf,
  rewindOf,
  wipeUnneeded,
} from "../state.js";
import { choice, flag, later, nested, publicBytes } from "./fields.js";
import { loading, openRecord, sealRecord } from "./record.js";
import { loadCandidate, SavedCandidate, saveCandidate } from "./saved-candidate.js";
import {
  loadEpoch,
  loadLedgers,
  SavedLeaves,
  SavedLedger,
  SavedMember,
  SavedPieces,
  savedLedgers,
  saveMember,
} from "./saved-epoch.js";
import { loadTree, saveTree } from "./saved-tree.js";
import { inTurn, keyLoader, type LoadKey, loadIfThere, type Saver, saving } from "./stored-key.js";

/** The number of this format, and of that of its parts. */
export const FORMAT = 9;
const status = /* @__PURE__ */ choice<GroupStatus>(["active", "removed", "reinitialized", "joining"]);

/** How a saved state begins. */
export const SavedHead = struct({ format: uint8, cipherSuite: uint16 });

export const headOf = ({ suite }: CipherSuiteProvider): TypeOf<typeof SavedHead> => ({
  format: FORMAT,
  cipherSuite: suite.id,
});

/** What stays the same until the epoch ends, or this client leaves the group. */
export const SavedState = struct({
  status,
  groupContext: nested(GroupContext),
  member: SavedMember,
  reinit: optional(ReInit),
  resumes: optional(struct({ by: choice(["reinit", "branch"]), groupId: publicBytes, epoch: uint64 })),
  joinedBy: optional(struct({ epoch: uint64, endedBy: publicBytes })),
  /** Whether the client joined by a key package that may be used again. */
  shared: flag,
});

export const SavedPast = struct({
  groupContext: publicBytes,
  /** The changes to the leaves of the epoch after it. */
  leaves: later(SavedLeaves),
  senderDataSecret: opaque,
  resumptionPsk: opaque,
  exporterSecret: optional(opaque),
  endedBy: publicBytes,
  endedByOwn: flag,
  endedAt: uint64,
  joined: vector(uint32),
});

export const SavedProposal = struct({
  reference: publicBytes,
  sourced: later(struct({ sender: Sender, proposal: Proposal })),
  leafKey: optional(opaque),
  dropped: flag,
  message: optional(publicBytes),
});

/** In a key store or a token: private keys that only the record before needs. */
export const SavedKeys = vector(opaque);

/** The format of `Group.save`, without the digest at its end. */
export const SavedGroup = struct({
  ...SavedHead.fields,
  ...SavedState.fields,
  /** A view: it is large, and kept. */
  tree: opaque,
  secretTree: SavedPieces,
  ledgers: vector(SavedLedger),
  past: vector(struct({ ...SavedPast.fields, secretTree: SavedPieces })),
  proposals: vector(SavedProposal),
  candidates: vector(SavedCandidate, MAX_CANDIDATES),
  /** What `policy.rewind` keeps. */
  kept: optional(opaque),
  retired: SavedKeys,
});

/** The size of all but the tree, in bytes, of most groups: a larger one makes the buffer grow. */
const BESIDES_TREE = 16_384;

/** Which of a group's private keys only the record before needs, and which another group may have. */
export type SavedHeldKeys = Pick<HeldKeys, "retired" | "shared">;

export async function savedState(
  save: Saver,
  state: GroupState,
  keys: SavedHeldKeys,
): Promise<TypeOf<typeof SavedState>> {
  const { current } = state;
  return {
    ...state,
    groupContext: current.groupContext,
    member: await saveMember(save, current),
    shared: keys.shared !== undefined,
  };
}

/** @param next the tree of the epoch after it: so the bytes stay the same as long as the epoch is kept */
export function savedPast(past: PastEpoch, next: RatchetTree): TypeOf<typeof SavedPast> {
  return { ...past, leaves: () => next.changesTo(past.tree).leaves };
}

/** The past epochs of a state, each with the tree of the epoch after it. */
export function pastOf({ current, past }: GroupState): [past: PastEpoch, next: RatchetTree][] {
  return past.map((one, i) => [one, (past[i - 1] ?? current).tree]);
}

export async function savedProposal(
  save: Saver,
  value: CachedProposal,
): Promise<TypeOf<typeof SavedProposal>> {
  const { reference, leafKey: key, dropped = false, message } = value;
  return { reference, sourced: () => value, leafKey: key && (await save.key(key)), dropped, message };
}

/**
 * The state as bytes: all of the group's secrets, but no signature key. The same state gives the same bytes.
 * @throws MlsError `key-not-extractable` if the provider neither exports nor saves private keys
 */
export async function saveState(
  provider: CipherSuiteProvider,
  state: GroupState,
  keys: SavedHeldKeys,
): Promise<Bytes> {
  const { current } = state;
  const tree = await saveTree(provider, current.tree);
  const body = await saving(provider, async (save) =>
    encode(
      SavedGroup,
      {
        ...headOf(provider),
        ...(await savedState(save, state, keys)),
        tree,
        secretTree: save.secretTree(current.secretTree),
        ledgers: savedLedgers(save, current),
        past: pastOf(state).map(([past, next]) => ({
          ...savedPast(past, next),
          secretTree: save.secretTree(past.secretTree),
        })),
        proposals: await inTurn(state.proposals, (one) => savedProposal(save, one)),
        candidates: await inTurn(state.candidates, (one) => saveCandidate(save, current, one)),
        kept: state.kept && save.secret(await state.kept.by.save(save, state)),
        retired: await inTurn(keys.retired, (key) => save.key(key)),
      },
      tree.length + BESIDES_TREE,
    ),
  );
  return (await sealRecord(provider, body)).bytes;
}

/**
 * The state that {@link saveState} saved.
 * @param bytes are kept, for the tree, and overwritten but for that
 * @throws MlsError `state` for damaged or foreign bytes, or another suite; `try-again` if the provider can't find the keys
 *   now
 */
export async function loadState(config: GroupConfig, bytes: Uint8Array): Promise<LoadedState> {
  let tree: Uint8Array = EMPTY;
  try {
    return await loading("saved state", async () => {
      const { body } = await openRecord(config.provider, FORMAT, bytes);
      const saved = decode(SavedGroup, body, config.registry.proposalTypes);
      tree = saved.tree;
      return loadSaved(config, saved, loadTree(tree), false);
    });
  } finally {
    const start = tree.length === 0 ? 0 : tree.byteOffset - bytes.byteOffset;
    wipe(bytes.subarray(0, start), bytes.subarray(start + tree.length));
  }
}

/** A loaded group. */
export interface LoadedState {
  readonly state: GroupState;
  /** As in `KnownKeys`. */
  readonly retired: readonly HpkePrivateKey[];
  readonly shared: HpkePrivateKey | undefined;
}

/** @param areStored whether the secrets are entries of a storage, which is told what changes in them */
export async function loadSaved(
  config: GroupConfig,
  saved: Omit<TypeOf<typeof SavedGroup>, "format" | "cipherSuite" | "tree">,
  tree: RatchetTree,
  areStored: boolean,
): Promise<LoadedState> {
  const { provider, policy } = config;
  const { status, resumes } = saved;
  const joining = saved.candidates.some(({ next }) => next === undefined);
  if (joining !== (status === "joining") || (joining && saved.candidates.length !== 1))
    throw new MlsError("state", "invalid saved state: only who joins by a commit is in its epoch already");
  const member = status === "active" || joining ? config : { ...config, own: undefined };
  const copy = sharedCopies();
  const loadKey = keyLoader(provider, copy);
  const secretTreeOf = (of: RatchetTree, pieces: readonly SecretPiece[]) =>
    SecretTree.load(provider, of, pieces, policy.ratchets, areStored, copy);
  const used = {
    secretTree: secretTreeOf(tree, saved.secretTree),
    ledgers: loadLedgers(config, saved.ledgers),
  };
  const current = await loadEpoch(member, saved.groupContext, tree, saved.member, used, loadKey, copy);
  let next = tree;
  const loaded = saved.past.map((one): PastEpoch => {
    const { groupContext, leaves, endedBy, endedByOwn, endedAt, joined } = one;
    next = next.withChangesLater(() => ({ leaves: leaves(), parents: [] }));
    return {
      epoch: epochIn(groupContext),
      groupContext,
      tree: next,
      secretTree: secretTreeOf(next, one.secretTree),
      senderDataSecret: copy(one.senderDataSecret),
      resumptionPsk: copy(one.resumptionPsk),
      exporterSecret: one.exporterSecret && copy(one.exporterSecret),
      endedBy,
      endedByOwn,
      endedAt,
      joined,
    };
  });
  const past = keptEpochs(loaded, policy);
  const proposals = await inTurn(saved.proposals, (one) => loadProposal(one, loadKey));
  const candidates = await inTurn(saved.candidates, (one) => loadCandidate(member, current, one, loadKey));
  const reinit = copied(saved.reinit);
  const joinedBy = saved.joinedBy && { endedByOwn: true, ...saved.joinedBy };
  const read: GroupState = { status, current, past, proposals, candidates, reinit, resumes, joinedBy };
  if (past !== loaded) wipeUnneeded({ ...read, past: loaded }, read);
  const { kept } = saved;
  const state = (kept && (await rewindOf(policy)?.load(config, read, kept, loadKey))) ?? read;
  const retired = await inTurn(saved.retired, (one) => loadIfThere(loadKey, one));
  return {
    state,
    retired: retired.flat(),
    shared: saved.shared ? invitedIn(state)?.keys.leafKey : undefined,
  };
}

/** The epoch whose own leaf came with the key package that the client joined by, if there is one still. */
function invitedIn(state: GroupState): Epoch | undefined {
  const isInvited = (epoch: Epoch) => ownLeaf(epoch).leafNodeSource.type === LeafNodeSource.keyPackage;
  return epochsIn(state).find(isInvited);
}

export async function loadProposal(
  { sourced, ...one }: TypeOf<typeof SavedProposal>,
  loadKey: LoadKey,
): Promise<CachedProposal> {
  const value = sourced();
  return {
    ...value,
    ...one,
    size: encode(Proposal, value.proposal).length,
    // Whoever could change the saved state could change the proposal: it is validated again before it is committed.
    checked: false,
    leafKey: one.leafKey && (await loadKey(one.leafKey)),
  };
}
