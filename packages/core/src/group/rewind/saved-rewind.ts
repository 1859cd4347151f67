// RFC 9420 §12.4: kept epochs in a saved state.
import { equalBytes } from "../../bytes.js";
import {
  decode,
  encode,
  opaque,
  optional,
  struct,
  type TypeOf,
  uint32,
  uint64,
  vector,
} from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { SecretTree } from "../../schedule/index.js";
import { GroupContext } from "../../wire/index.js";
import { type Candidate, findCandidate } from "../candidate.js";
import { contextBytes, type Epoch } from "../epoch.js";
import { type GroupState, type KeptEpoch, type RewindSteps, rewindOf } from "../state.js";
import {
  flag,
  inTurn,
  loadCandidate,
  loadEpoch,
  loadLedgers,
  loadProposal,
  nested,
  SavedCandidate,
  SavedChanges,
  SavedLedger,
  SavedMember,
  SavedPieces,
  SavedProposal,
  saveCandidate,
  savedLedgers,
  savedProposal,
  saveMember,
} from "../storage/index.js";
import { keptIn } from "./kept.js";

const SavedEpoch = struct({
  groupContext: nested(GroupContext),
  /** The changes to the tree of the current epoch. */
  tree: nested(SavedChanges),
  member: SavedMember,
  /** `undefined` if the epoch is among the past ones too: both have the same tree. */
  secretTree: optional(SavedPieces),
  ledgers: vector(SavedLedger),
});

const SavedKept = struct({
  /** `undefined` for the present epoch, if its commit removes this client, and if that is staged in the present epoch */
  epoch: optional(SavedEpoch),
  commit: optional(SavedCandidate),
  /** The place of the epoch before it: 0 for none, 1 for the current one, then those of staged commits, then these. */
  on: uint32,
  proposals: vector(SavedProposal),
  entered: flag,
  staged: flag,
  endedAt: optional(uint64),
  forgotten: vector(opaque),
});

const SavedRewind = struct({ present: SavedKept, others: vector(SavedKept) });

/** Those that one can be on, by their places. */
function epochsOf({ current, candidates }: GroupState, others: readonly KeptEpoch[]): (Epoch | undefined)[] {
  return [undefined, current, ...candidates.map(({ epoch }) => epoch), ...others.map(({ epoch }) => epoch)];
}

/** The same commit among those that were staged in the present epoch, which are saved with that. */
function stagedAs({ candidates }: GroupState, one: Candidate | undefined): Candidate | undefined {
  return one && findCandidate(candidates, one.commit);
}

export const saveKept: RewindSteps["save"] = async (save, state) => {
  const { present, others } = keptIn(state);
  const { current, past, candidates } = state;
  const isStaged = ({ commit }: KeptEpoch) =>
    commit && candidates.some(({ commit: bytes }) => bytes === commit.commit);
  const places = epochsOf(state, others);
  const saveThat = async (epoch: Epoch): Promise<TypeOf<typeof SavedEpoch>> => {
    const isPast = past.some(({ secretTree }) => secretTree === epoch.secretTree);
    return {
      groupContext: epoch.groupContext,
      tree: current.tree.changesTo(epoch.tree),
      member: await saveMember(save, epoch),
      secretTree: isPast ? undefined : save.secretTree(epoch.secretTree),
      ledgers: savedLedgers(save, epoch),
    };
  };
  const saveOne = async (one: KeptEpoch, epoch: Epoch | undefined): Promise<TypeOf<typeof SavedKept>> => ({
    ...one,
    epoch: epoch && (await saveThat(epoch)),
    commit: one.commit && (await saveCandidate(save, one.epoch ?? current, one.commit)),
    on: one.on === undefined ? 0 : Math.max(0, places.lastIndexOf(one.on)),
    proposals: await inTurn(one.proposals, (proposal) => savedProposal(save, proposal)),
  });
  const saved = {
    present: await saveOne({ ...present, proposals: [] }, undefined),
    others: await inTurn(others, (one) => saveOne(one, isStaged(one) ? undefined : one.epoch)),
  };
  return encode(SavedRewind, saved);
};

export const loadKept: RewindSteps["load"] = async (config, state, bytes, loadKey) => {
  const by = rewindOf(config.policy);
  const saved = decode(SavedRewind, bytes, config.registry.proposalTypes);
  if (by === undefined) return state;
  const { current } = state;
  const isOutside = state.status === "removed";
  const loadOne = async (one: TypeOf<typeof SavedKept>, epoch: Epoch | undefined): Promise<KeptEpoch> => ({
    entered: one.entered,
    staged: one.staged,
    endedAt: one.endedAt,
    forgotten: one.forgotten.map((hash) => hash.slice()),
    on: undefined,
    epoch,
    commit: one.commit && (await loadCandidate(config, epoch ?? current, one.commit, loadKey)),
    proposals: await inTurn(one.proposals, (proposal) => loadProposal(proposal, loadKey)),
  });
  const loadThat = async (one: TypeOf<typeof SavedEpoch>): Promise<Epoch> => {
    const { provider, policy } = config;
    const { groupContext, member } = one;
    const tree = current.tree.withChanges(one.tree);
    const context = contextBytes({ groupContext });
    const past =
      one.secretTree === undefined && state.past.find((old) => equalBytes(old.groupContext, context));
    // One that was among the past epochs, and is too old for that by now, has no message keys any more.
    const load = () => SecretTree.load(provider, tree, one.secretTree ?? [], policy.ratchets, false);
    const used = { secretTree: past ? past.secretTree : load(), ledgers: loadLedgers(config, one.ledgers) };
    return loadEpoch(config, groupContext, tree, member, used, loadKey);
  };
  const present = await loadOne(saved.present, isOutside ? undefined : current);
  const loaded = await inTurn(saved.others, async (one) => {
    const kept = await loadOne(one, one.epoch && (await loadThat(one.epoch)));
    const staged = stagedAs(state, kept.commit);
    return staged === undefined ? kept : { ...kept, commit: staged, epoch: staged.epoch };
  });
  const places = epochsOf(state, loaded);
  const placed = (one: KeptEpoch, { on }: TypeOf<typeof SavedKept>): KeptEpoch => ({
    ...one,
    on: placeAt(places, on),
  });
  const others = loaded.map((one, i) => placed(one, saved.others[i] as TypeOf<typeof SavedKept>));
  // What is too old ends with the next operation, which writes that too.
  return { ...state, kept: { by, present: placed(present, saved.present), others } };
};

function placeAt(places: readonly (Epoch | undefined)[], on: number): Epoch | undefined {
  if (on < places.length) return places[on];
  throw new MlsError("state", `invalid saved state: there is no kept epoch ${on}`);
}
